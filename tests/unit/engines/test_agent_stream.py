"""The agent's answer in n8n's form, byte by byte (seen with n8n 2.40.7)."""

from __future__ import annotations

import json

import pytest

from voxbridge.engines.agent_stream import answer_lines, error_line, heard_in

pytestmark = pytest.mark.unit

NODE = '"nodeId":"b0c5a9f2-6d1e-4c4b-9a53-2f6f0f6d7c11","nodeName":"VoxBridge","itemIndex":0,"runIndex":0'


def test_answer_is_begin_items_end():
    """One line each, keys in n8n's order, no blanks, Unicode as it is; spaces between sentences belong to items."""
    lines = list(answer_lines(["Gr\u00fc\u00df dich.", "Hello."], 1795365450128))
    metadata = f'"metadata":{{{NODE},"timestamp":1795365450128}}'
    assert [row.decode() for row in lines] == [
        f'{{"type":"begin",{metadata}}}\n',
        f'{{"type":"item","content":"Gr\u00fc\u00df dich.",{metadata}}}\n',
        f'{{"type":"item","content":" Hello.",{metadata}}}\n',
        f'{{"type":"end",{metadata}}}\n',
    ]


def test_error_line_has_no_timestamp():
    """As n8n's has none."""
    assert error_line("x") == f'{{"type":"error","content":"x","metadata":{{{NODE}}}}}\n'.encode()


@pytest.mark.parametrize(
    ("body", "heard"),
    [
        ({"chatInput": "a", "text": "b"}, "a"),
        ({"transcript": "b"}, "b"),
        ({"text": "c"}, "c"),
        ({"message": "d", "chatInput": 7}, "d"),
        ({"chatInput": ""}, ""),
        ({}, None),
    ],
)
def test_input_is_found_under_the_usual_names(body, heard):
    """n8n's own name first; what is no text is passed over."""
    assert heard_in(json.loads(json.dumps(body))) == heard
