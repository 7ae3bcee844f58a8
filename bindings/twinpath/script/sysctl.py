"""Commands in backquotes: settings of Linux's TCP as options of our host; nothing else is run."""

from __future__ import annotations

import re
import shlex

S = "{}s"
SWITCH = "{}"
# sysctl -> option of the host and how the value is written.
MAPPED = {
    "tcp_sack": ("tcp.sack", SWITCH),
    "tcp_timestamps": ("tcp.timestamps", SWITCH),
    "tcp_window_scaling": ("tcp.window_scaling", SWITCH),
    "tcp_slow_start_after_idle": ("tcp.slow_start_after_idle", SWITCH),
    "tcp_congestion_control": ("tcp.congestion", "{}"),
    "tcp_syn_retries": ("tcp.syn_retries", "{}"),
    "tcp_synack_retries": ("tcp.syn_ack_retries", "{}"),
    "tcp_retries2": ("tcp.retries2", "{}"),
    "tcp_keepalive_time": ("tcp.keepalive_idle", S),
    "tcp_keepalive_intvl": ("tcp.keepalive_interval", S),
    "tcp_keepalive_probes": ("tcp.keepalive_probes", "{}"),
    "tcp_fin_timeout": ("tcp.fin_wait_2", S),
    "tcp_max_syn_backlog": ("tcp.syn_backlog_max", "{}"),
    "tcp_invalid_ratelimit": ("tcp.invalid_ack_interval", "{}ms"),
    "ip_default_ttl": ("host.ttl", "{}"),
    "tcp_rfc1337": ("tcp.time_wait_ignores_resets", SWITCH),
    "tcp_abort_on_overflow": ("tcp.accept_overflow_resets", SWITCH),
    "tcp_mtu_probing": ("tcp.black_hole_detection", SWITCH),
}
WORDS = {
    "tcp_ecn": ("tcp.ecn", {"0": "off", "1": "request", "2": "accept"}),
    "tcp_syncookies": ("tcp.syn_cookies", {"0": "off", "1": "when_full", "2": "always"}),
    "tcp_fastopen": ("tcp.fast_open", {"0": "off", "1": "client", "2": "server", "3": "both"}),
}
# What the stack does whatever it is told; other values are refused.
ALWAYS = {"tcp_dsack": "1", "tcp_fack": "0", "tcp_reordering": "3", "tcp_recovery": "1",
          "tcp_early_retrans": "34", "tcp_frto": "012", "tcp_thin_linear_timeouts": "0"}
# What has no counterpart here, or is what the stack does anyway.
WITHOUT_EFFECT = frozenset(
    "tcp_no_metrics_save tcp_min_tso_segs tcp_tso_win_divisor tcp_limit_output_bytes "
    "tcp_autocorking tcp_moderate_rcvbuf tcp_mem tcp_max_orphans tcp_notsent_lowat "
    "tcp_pacing_ss_ratio tcp_pacing_ca_ratio default_qdisc tcp_comp_sack_nr "
    "tcp_comp_sack_delay_ns tcp_adv_win_scale route.flush".split())
DEFAULTS = re.compile(r"[\w./-]*defaults\.sh$")
SETTER = re.compile(r"[\w./-]*set_sysctls\.py$")
RESTORER = re.compile(r"/tmp/sysctl_restore")
# packetdrill's defaults.sh: where it differs from the host's own.
PACKETDRILL = [("tcp.receive_buffer_bytes", "540000"), ("tcp.receive_buffer_max_bytes", "15728640"),
               ("tcp.send_buffer_bytes", "262144"), ("tcp.send_buffer_max_bytes", "4194304"),
               ("tcp.syn_retries", "5"), ("tcp.slow_start_after_idle", "off"), ("tcp.ecn", "off")]
ASSIGNMENT = re.compile(r"(?:net\.(?:ipv4|ipv6|core)\.|/proc/sys/net/(?:ipv4|ipv6|core)/)"
                        r"([\w.]+)\s*=\s*(.*)$")


def settings(command: str, late: bool) -> list[tuple[str, str]]:
    """The host's options a command stands for. ValueError: a command we do not run."""
    found: list[tuple[str, str]] = []
    for part in re.split(r"[;\n]|&&", command):
        words = shlex.split(part, comments=True)
        if not words or RESTORER.match(words[0]):
            continue
        if DEFAULTS.match(words[0]):
            found += PACKETDRILL
            continue
        if words[0] not in ("sysctl", "/sbin/sysctl") and not SETTER.match(words[0]):
            raise ValueError(f"`{words[0]}`: commands are not run here; only sysctl settings are "
                             "understood")
        rest = [word for word in words[1:] if word not in ("-q", "-w", "-qw", "-e")]
        for assignment in _assignments(rest):
            found += _one(assignment, part.strip())
    if found and late:
        raise ValueError(f"`{command.strip()}`: a setting stands before the first event; the host "
                         "is made once")
    return found


def _assignments(words: list[str]) -> list[str]:
    """`a=1`, and `a = 1` in three words, as one text each; a value may have blanks in it."""
    found: list[str] = []
    for word in words:
        if re.match(r"(net\.|/proc/)", word):
            found.append(word)
        elif found:
            found[-1] += " " + word
        else:
            found.append(word)
    return found


def _one(assignment: str, command: str) -> list[tuple[str, str]]:
    match = ASSIGNMENT.match(assignment)
    if match is None:
        raise ValueError(f"`{command}`: {assignment!r} is no setting of the network")
    name, value = match.group(1), match.group(2).strip()
    if name in WITHOUT_EFFECT:
        return []
    if name in WORDS:
        option, words = WORDS[name]
        number = str(int(value, 16) & 3) if value.startswith("0x") else value
        if number in words:
            return [(option, words[number])]
    if name in ALWAYS and value in ALWAYS[name]:
        return []
    if name in ("tcp_rmem", "tcp_wmem"):
        parts = value.split()
        if len(parts) == 3:
            side = "receive" if name == "tcp_rmem" else "send"
            return [(f"tcp.{side}_buffer_bytes", parts[1]),
                    (f"tcp.{side}_buffer_max_bytes", parts[2])]
    if name not in MAPPED:
        raise ValueError(f"`{command}`: no option of the host stands for {name}")
    option, pattern = MAPPED[name]
    if pattern is SWITCH and value.isdigit():
        value = "off" if value == "0" else "on"
    return [(option, pattern.format(value))]
