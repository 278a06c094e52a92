"""Reads what reviewd tells of itself as those do who are told, and prints what they understood, as JSON.

    read_telemetry.py spans FILE      a request to an OpenTelemetry collector, by the official schema
    read_telemetry.py metrics FILE    what Prometheus reads, by the parser of its own client library
"""

import base64
import json
import sys

from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from prometheus_client.parser import text_string_to_metric_families

IDS = ("traceId", "spanId", "parentSpanId")


def as_protobuf(value):
    """OTLP departs from protobuf's JSON in one thing: ids are hexadecimal digits, not Base64."""
    if isinstance(value, list):
        return [as_protobuf(one) for one in value]
    if not isinstance(value, dict):
        return value
    of = lambda key, one: base64.b64encode(bytes.fromhex(one)).decode() if key in IDS else as_protobuf(one)
    return {key: of(key, one) for key, one in value.items()}


def spans(text):
    # A field that the schema does not have, and a value of another type, is an error.
    request = json_format.ParseDict(as_protobuf(json.loads(text)), ExportTraceServiceRequest())
    found = []
    for resource in request.resource_spans:
        about = {one.key: one.value.string_value for one in resource.resource.attributes}
        for scope in resource.scope_spans:
            for span in scope.spans:
                assert len(span.trace_id) == 16 and len(span.span_id) == 8, span
                assert len(span.parent_span_id) in (0, 8), span
                assert 0 < span.start_time_unix_nano <= span.end_time_unix_nano, span
                found.append({"name": span.name, "kind": span.kind, "service": about["service.name"]})
    return found


def metrics(text):
    families = {}
    for family in text_string_to_metric_families(text):
        assert family.name not in families, f"{family.name} comes twice"
        assert family.samples, f"{family.name} has no sample"
        families[family.name] = {"type": family.type, "help": family.documentation, "samples": len(family.samples)}
    return families


if __name__ == "__main__":
    kind, file = sys.argv[1:]
    with open(file, encoding="utf-8") as opened:
        print(json.dumps({"spans": spans, "metrics": metrics}[kind](opened.read())))
