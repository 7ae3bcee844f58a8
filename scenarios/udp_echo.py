"""Datagrams there and back: the smallest scenario that crosses every layer."""

import twinpath as tp


@tp.scenario
def udp_echo(net: tp.Net, *, count: int = 10, size: tp.Bytes = "64B",
             interval: tp.Time = "1ms", rate: tp.Rate = "100Mbps", delay: tp.Time = "1ms",
             loss: tp.Ratio = 0, server_stack: tp.Choice["twinpath", "ns3", "linux"] = "twinpath"):
    """A client sends `count` datagrams of `size` bytes, one every `interval`; a server echoes."""
    # build
    client = net.host("client", address="198.18.0.1/24")
    server = net.host("server", address="198.18.0.2/24", stack=server_stack)
    net.link(client, server, name="wire", rate=rate, delay=delay, loss=loss)
    # load
    server.run(tp.UdpEchoServer())
    echo = client.run(tp.UdpEcho(server, size=size, count=count, interval=interval))
    # run
    net.stop(when=echo.done, at_most="60s")
