"""One HTTP download over one link: the first thing to run, and what `./twinpath demo` shows."""

import twinpath as tp


@tp.scenario
def web_transfer(net: tp.Net, *, size: tp.Bytes = "1MB", rate: tp.Rate = "100Mbps",
                 delay: tp.Time = "10ms", loss: tp.Ratio = 0,
                 congestion: tp.Choice["cubic", "reno", "dctcp", "bbr"] = "cubic",
                 client_stack: tp.Choice["twinpath", "linux", "lwip"] = "twinpath",
                 server_stack: tp.Choice["auto", "twinpath", "ns3", "linux", "lwip"] = "auto",
                 series: tp.Time = 0):
    """A client fetches `size` bytes by HTTP and checks them by SHA-256.

    server_stack=auto is our own stack in sim and the Linux kernel (nginx) in emu; with
    client_stack=linux, curl fetches from our server. series > 0 records cwnd and goodput over time.
    """
    # build
    auto = {"sim": "twinpath", "emu": "linux"}
    tcp = {"congestion": congestion}
    client = net.host("client", address="198.18.0.1/24", stack=client_stack,
                      tcp=None if client_stack == "lwip" else tcp)
    server = net.host("server", address="198.18.0.2/24",
                      stack=auto if server_stack == "auto" else server_stack,
                      tcp=None if server_stack == "lwip" else tcp)
    net.link(client, server, name="wire", rate=rate, delay=delay, loss=loss)
    # load
    server.run(tp.HttpServer())
    get = client.run(tp.HttpGet(server, size=size, verify="sha256"))
    # run
    net.stop(when=get.done, at_most="120s")
    # record
    net.measure(every=series or None)
