"""Reads what wsuv_metrics_write made with the parser of Prometheus's client for Python, which is strict about OpenMetrics.

usage: test_metrics.py PROGRAM    (which writes the text when it is called with "print")
"""
import subprocess
import sys

try:
    from prometheus_client.openmetrics.parser import text_string_to_metric_families
except ImportError:
    print("skipped: no prometheus_client for this python3 (Debian: python3-prometheus-client)")
    sys.exit(77)


def sample(families, name, **labels):
    found = [s for f in families.values() for s in f.samples
             if s.name == name and all(s.labels.get(k) == v for k, v in labels.items())]
    assert len(found) == 1, (name, labels, found)
    return found[0]


def main():
    text = subprocess.run([sys.argv[1], "print"], check=True, stdout=subprocess.PIPE).stdout.decode()
    families = {f.name: f for f in text_string_to_metric_families(text)}
    assert len(families) == 18, sorted(families)
    assert families["wsuv_messages"].type == "counter"
    assert families["wsuv_rtt_seconds"].unit == "seconds"
    assert families["wsuv_wire_bytes"].unit == "bytes"
    assert all(f.documentation for f in families.values())
    assert sample(families, "wsuv_connections_accepted_total", server="b").value == 12
    assert sample(families, "wsuv_rtt_seconds", server="a", stat="max").value == 1.234
    assert sample(families, "wsuv_loop_memory_bytes", loop="1", **{"class": "buffers"}).value == 589824
    assert sample(families, "wsuv_connections_closed_total", server="a", code="4xxx").value == 2
    for family in families.values():
        for s in family.samples:
            assert s.labels["instance"] == 'a "quoted"\\\nname', s
    print("ok: %d samples" % sum(len(f.samples) for f in families.values()))


main()
