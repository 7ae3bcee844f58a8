"""A closed loop of small requests: latency under load."""

import twinpath as tp


@tp.scenario
def request_response(net: tp.Net, *, connections: int = 4, requests: int = 50,
                     request: tp.Bytes = "64B", response: tp.Bytes = "4kB",
                     think: tp.Time = "1ms", rate: tp.Rate = "100Mbps",
                     delay: tp.Time = "5ms", loss: tp.Ratio = 0):
    """`connections` clients each send `requests` requests and think between them."""
    # build
    client = net.host("client", address="198.18.0.1/24")
    server = net.host("server", address="198.18.0.2/24")
    net.link(client, server, name="wire", rate=rate, delay=delay, loss=loss)
    # load
    server.run(tp.EchoServer())
    load = client.run(tp.RequestResponse(server, size=response, think=think,
                                         connections=connections, requests=requests,
                                         request=request))
    # run
    net.stop(when=load.done, at_most="120s")
