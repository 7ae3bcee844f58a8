"""One long TCP flow: goodput and congestion window over time."""

import twinpath as tp


@tp.scenario
def bulk_transfer(net: tp.Net, *, size: tp.Bytes = "10MB", rate: tp.Rate = "100Mbps",
                  delay: tp.Time = "10ms", loss: tp.Ratio = 0, reorder: tp.Ratio = 0,
                  duplicate: tp.Ratio = 0, corrupt: tp.Ratio = 0, queue: tp.Bytes = "256KiB",
                  congestion: tp.Choice["cubic", "reno", "dctcp", "bbr"] = "cubic",
                  receiver_stack: tp.Choice["twinpath", "ns3", "linux", "lwip"] = "twinpath",
                  every: tp.Time = "10ms"):
    """A sender pushes `size` bytes to a receiver over one link with faults."""
    # build
    sender = net.host("sender", address="198.18.0.1/24", tcp={"congestion": congestion})
    receiver = net.host("receiver", address="198.18.0.2/24", stack=receiver_stack)
    net.link(sender, receiver, name="wire", rate=rate, delay=delay, loss=loss, reorder=reorder,
             duplicate=duplicate, corrupt=corrupt, queue=queue)
    # load
    bulk = sender.run(tp.Bulk(receiver, size=size))
    # run
    net.stop(when=bulk.done, at_most="300s")
    # record
    net.measure(every=every or None)
