"""An application of one's own in blocking style: C++20 coroutines on our sockets."""

import twinpath as tp


@tp.scenario
def own_tasks(net: tp.Net, *, count: int = 20, conversations: int = 3, pause: tp.Time = "5ms",
              delay: tp.Time = "1ms", loss: tp.Ratio = 0):
    """native/asker.cc holds `conversations` at a time with a server, `count` questions each."""
    # build
    client = net.host("client", address="198.18.0.1/24")
    server = net.host("server", address="198.18.0.2/24")
    net.link(client, server, name="wire", rate="100Mbps", delay=delay, loss=loss)
    # load
    server.run(tp.EchoServer())
    asker = client.run(tp.native("native/asker.cc", "Asker", to=server, count=count,
                                 conversations=conversations, pause=pause))
    # run
    net.stop(when=asker.done, at_most="60s")
