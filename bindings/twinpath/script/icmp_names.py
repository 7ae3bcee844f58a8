"""Names of ICMP messages as packetdrill writes them."""

from __future__ import annotations

V4_TYPES = {"echo_reply": 0, "unreachable": 3, "dest_unreach": 3, "source_quench": 4, "redirect": 5,
            "echo_request": 8, "time_exceeded": 11, "parameter_problem": 12}
V6_TYPES = {"unreachable": 1, "dest_unreach": 1, "packet_too_big": 2, "time_exceeded": 3,
            "parameter_problem": 4, "echo_request": 128, "echo_reply": 129}
V4_CODES = {
    3: {"net_unreachable": 0, "host_unreachable": 1, "protocol_unreachable": 2,
        "port_unreachable": 3, "frag_needed": 4, "source_route_failed": 5, "net_unknown": 6,
        "host_unknown": 7, "source_host_isolated": 8, "net_prohibited": 9, "host_prohibited": 10,
        "net_unreachable_for_tos": 11, "host_unreachable_for_tos": 12, "packet_filtered": 13,
        "precedence_violation": 14, "precedence_cutoff": 15},
    5: {"net_redirect": 0, "host_redirect": 1},
    11: {"ttl_exceeded": 0, "exceeded_transit": 0, "in_transit": 0, "exceeded_reassembly": 1,
         "fragment_reassembly": 1},
    12: {"bad_header": 0, "missing_option": 1, "bad_length": 2},
}
V6_CODES = {
    1: {"no_route": 0, "net_unreachable": 0, "admin_prohibited": 1, "not_neighbour": 2,
        "beyond_scope": 2, "addr_unreachable": 3, "address_unreachable": 3, "host_unreachable": 3,
        "port_unreachable": 4},
    3: {"hop_limit_exceeded": 0, "ttl_exceeded": 0, "fragment_reassembly": 1},
    4: {"bad_header": 0, "unknown_next_header": 1, "unknown_option": 2},
}


def types(v6: bool) -> dict[str, int]:
    return V6_TYPES if v6 else V4_TYPES


def codes(kind: int, v6: bool) -> dict[str, int]:
    return (V6_CODES if v6 else V4_CODES).get(kind, {})


def type_of(name: str, v6: bool) -> int | None:
    """The number of a type; a number is itself."""
    return int(name) if name.isdigit() and int(name) < 256 else types(v6).get(name)


def code_of(kind: int, name: str, v6: bool) -> int | None:
    return int(name) if name.isdigit() and int(name) < 256 else codes(kind, v6).get(name)


def describe(kind: int, code: int, v6: bool) -> str:
    """The names of both; the number where there is none."""
    word = next((name for name, number in types(v6).items() if number == kind), str(kind))
    known = next((name for name, number in codes(kind, v6).items() if number == code), None)
    if known is None:
        return f"{word} {code}" if code else word
    return f"{word} {known}"


def is_error(kind: int, v6: bool) -> bool:
    return kind < 128 if v6 else kind not in (0, 8)
