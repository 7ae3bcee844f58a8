"""Three kinds of stacks in one network, each talking to each other."""

import twinpath as tp

IN_SIM_ONLY = {"sim": "ns3", "emu": "twinpath", "bridge": "ns3"}


@tp.scenario
def mixed_stacks(net: tp.Net, *, size: tp.Bytes = "300kB", rate: tp.Rate = "50Mbps",
                 delay: tp.Time = "5ms", loss: tp.Ratio = "0.2%",
                 congestion: tp.Choice["cubic", "reno", "bbr"] = "cubic"):
    """Our stack, Debian's lwIP and ns-3's TcpSocket, joined as a triangle; each sends `size` bytes
    to both others at once. Where ns-3 cannot be, in emu, our stack stands in its place. The link
    between lwIP and ns-3 loses nothing: ns-3.37's TcpSocket crashes when it sends to lwIP with
    losses.
    """
    # build
    tcp = {"congestion": congestion}
    ours, small = net.host("ours", tcp=tcp), net.host("small", stack="lwip")
    third = net.host("third", stack=IN_SIM_ONLY, tcp=tcp)
    sides = [(ours, small), (small, third), (third, ours)]
    for a, b in sides:
        net.link(a, b, rate=rate, delay=delay, loss=loss if ours in (a, b) else 0)
    # load
    sent = [one.run(tp.Bulk(other, size)) for a, b in sides for one, other in ((a, b), (b, a))]
    # run
    net.stop(when=[app.done for app in sent], at_most="120s")
