"""Writes events.out.tfevents with tensorboard's own message types and record writer.

    python -m venv venv && venv/bin/pip install tensorboard==2.20.0 && venv/bin/python events.py
"""

import pathlib

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

scalars = lambda **values: Summary(
    value=[Summary.Value(tag=tag.replace("_", "-"), simple_value=value) for tag, value in values.items()]
)
path = pathlib.Path(__file__).with_name("events.out.tfevents")
with open(path, "wb") as file:
    writer = RecordWriter(file)
    for event in [
        Event(wall_time=1_700_000_000.25, file_version="brain.Event:2"),
        Event(wall_time=1_700_000_001.5, step=1, summary=scalars(loss=2.5, learning_rate=1e-4)),
        Event(wall_time=1_700_000_002.0, step=300, summary=scalars(validation_loss=0.125)),
    ]:
        writer.write(event.SerializeToString(deterministic=True))
    writer.flush()
