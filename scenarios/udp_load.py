"""Datagrams at a given rate over one link: the scenario whose capacity anyone can work out."""

import twinpath as tp


@tp.scenario
def udp_load(net: tp.Net, *, load: tp.PacketRate = "1kpps", size: tp.Bytes = "1000B",
             rate: tp.Rate = "10Mbps", delay: tp.Time = "1ms", duration: tp.Time = "1s"):
    """A client sends datagrams of `size` bytes, `load` of them each second, to a sink."""
    # build
    client = net.host("client", address="198.18.0.1/24")
    server = net.host("server", address="198.18.0.2/24")
    net.link(client, server, name="wire", rate=rate, delay=delay)
    # load
    server.run(tp.UdpSink())
    client.run(tp.UdpBulk(server, size=size, rate=tp.Rate("1bps") * (load * size * 8)))
    # run
    net.stop(at_most=duration)
