"""What our own simulations gave when somebody said they are right. A change of the stack that moves
a frame shows here; when it was meant, `./twinpath check tests/suite/gate.py --update --reason TEXT`
records the new numbers with the reason beside them.
"""

import twinpath as tp
from twinpath.discover import find

web, bulk = find("web_transfer"), find("bulk_transfer")
requests, echo = find("request_response"), find("udp_echo")

suite = tp.suite("stack")

suite.add(web(), driver="sim", seeds=[1], tags=["quick"],
          expect=[tp.same("fingerprint"), tp.same("fct_s"), tp.at_most("verify_errors", 0)])
suite.add(web(loss="1%"), driver="sim", seeds=range(1, 6),
          expect=[tp.same("fingerprint"), tp.no_worse("fct_s", rel="2%"),
                  tp.at_least("goodput_bps", "5Mbps")])
suite.add(bulk(size="2MB", congestion="reno", reorder="1%", duplicate="1%"), driver="sim",
          seeds=[1, 2, 3], expect=[tp.same("fingerprint"), tp.no_worse("goodput_bps", rel="2%")])
suite.add(bulk(size="1MB", receiver_stack="ns3"), driver="sim", seeds=[1],
          expect=[tp.no_worse("goodput_bps", rel="5%"), tp.same("app_bytes")])
suite.add(requests(loss="1%"), driver="sim", seeds=[1, 2, 3],
          expect=[tp.same("fingerprint"), tp.no_worse("latency_p99_s", rel="5%"),
                  tp.same("requests")])
suite.add(echo(loss="5%", count=50), driver="sim", seeds=[1, 2], tags=["quick"],
          expect=[tp.same("fingerprint"), tp.same("lost_fraction")])

# Real time: judged by intervals, and on a machine too busy to tell, not at all.
suite.add(echo(delay="40ms", count=20, interval="5ms"), driver="emu", testbed="net_ring",
          tags=["emu"], expect=[tp.same("datagrams"), tp.no_worse("latency_p50_s", rel="5%"),
                                tp.at_most("lost_fraction", "1%")])
