"""Reads an archive without mailstrata: from docs/format.md, with age, zstd and a CBOR reader.

    open.py REPOSITORY KEYFILE AGE

opens every object of a sealed repository in a local directory, and prints one JSON object for each message of the newest
manifest: mailbox, uid, size, sha256 of the bytes as they were joined from their chunks, flags, date. What is not as
docs/format.md says ends it.
"""

import base64
import hashlib
import json
import os
import struct
import subprocess
import sys
import tempfile
from datetime import datetime, timedelta, timezone

import cbor2

repository, keyfile, age = sys.argv[1:]

HEAD, TABLE = b"\x50\x2a\x4d\x18", b"\x51\x2a\x4d\x18"
KINDS = {"config": "config", "keys": "key", "data": "data", "catalog": "catalog", "index": "index", "manifests": "manifest"}


def objects(folder):
    """The names of all objects in a folder."""
    found = []
    for path, _, files in os.walk(os.path.join(repository, folder)):
        found += [os.path.relpath(os.path.join(path, f), repository) for f in files]
    return sorted(found)


def tool(*argv, data=None):
    return subprocess.run(argv, input=data, stdout=subprocess.PIPE, check=True).stdout


class Container:
    """An object, opened: head, table and content."""

    def __init__(self, name, identities):
        data = tool(age, "-d", "-i", identities, os.path.join(repository, name))
        assert data[:4] == HEAD, name
        length = struct.unpack("<I", data[4:8])[0]
        self.head = cbor2.loads(data[8 : 8 + length])
        assert self.head[0] == "mailstrata" and self.head[2] == 1 and self.head[5] == "blake3 zstd", self.head
        assert self.head[1] == KINDS[name.split("/")[0]], name
        self.head_length = 8 + length

        trailer = data[-56:]
        offset, size = struct.unpack("<QQ", trailer[32:48])
        assert trailer[48:] == b"mstrata\x01", name
        self.table = cbor2.loads(data[offset : offset + size])
        assert data[offset - 8 : offset - 4] == TABLE
        assert struct.unpack("<I", data[offset - 4 : offset])[0] == len(data) - offset
        padding = data[offset + size : -56]
        assert not any(padding) and len(data) == padme(offset + size + 56), name

        self.frames = []  # decompressed
        at = self.head_length
        for compressed, content, _ in self.table[1]:
            frame = tool("zstd", "-dc", data=data[at : at + compressed])
            assert len(frame) == content, name
            self.frames.append(frame)
            at += compressed
        assert at == offset - 8, name
        self.content = b"".join(self.frames)
        assert tool("zstd", "-dc", data=data) == self.content, name  # the pipe: age -d | zstd -d


def padme(length):
    e = length.bit_length() - 1
    s = e.bit_length()
    step = min(1 << (e - s), 1 << 16) if e > s else 1
    return -(-length // step) * step


def identity(text):
    """An age identity as a file."""
    f = tempfile.NamedTemporaryFile("w", suffix=".key")
    f.write(text + "\n")
    f.flush()
    return f


# The slot has the identities that open all else.
[slot_name] = objects("keys")
slot = cbor2.loads(Container(slot_name, keyfile).content)
assert slot[1] == "owner" and len(slot[4]) == 32 and len(slot[7]) == 32
writer, reader = identity("\n".join(slot[5])), identity("\n".join(slot[6]))

payload, signature = cbor2.loads(Container(objects("config")[-1], writer.name).content)
config = cbor2.loads(payload)
assert len(signature) == 64
assert config[1] == 1 and len(config[4]) == 1 and len(config[5]) == 1

# Packs tell by themselves what they hold.
chunks = {}  # by prefix
packs = {}  # by kind and hash
for number, (folder, key, lanes) in enumerate([("data", reader, {0, 1, 2}), ("catalog", writer, {3})]):
    for name in objects(folder):
        pack = packs[number, bytes.fromhex(os.path.basename(name))] = Container(name, key.name)
        assert len(pack.table[2]) == 16
        for frame, (lane, prefixes, lengths) in zip(pack.frames, pack.table[3], strict=True):
            assert lane in lanes and len(prefixes) == 16 * len(lengths) and sum(lengths) == len(frame)
            at = 0
            for i, length in enumerate(lengths):
                chunks[prefixes[16 * i : 16 * i + 16]] = frame[at : at + length]
                at += length

# The index tells the same.
indexed = set()
for name in objects("index"):
    segment = Container(name, writer.name)
    frames = []
    for kind, hash_, _, head_length, compressed, content in segment.table[4]:
        pack = packs[kind, hash_]
        assert head_length == pack.head_length and content == [len(f) for f in pack.frames]
        assert compressed == [f[0] for f in pack.table[1]]
        frames += pack.frames
    for block, (first, n) in zip(segment.frames, segment.table[5], strict=True):
        assert block[:16] == first
        numbers, offsets, lengths = (struct.unpack(f"<{n}I", block[n * at : n * (at + 4)]) for at in (16, 20, 24))
        for i in range(n):
            prefix = block[16 * i : 16 * i + 16]
            assert frames[numbers[i]][offsets[i] : offsets[i] + lengths[i]] == chunks[prefix]
            indexed.add(prefix)
assert indexed == set(chunks)


def load(chunk_id):
    return chunks[chunk_id[:16]]


def split(ids):
    return [ids[i : i + 32] for i in range(0, len(ids), 32)]


def join(parts):
    """The bytes of a message, from its parts."""
    message = b""
    for kind, ids, *recipe in parts:
        data = b"".join(load(i) for i in split(ids))
        if kind == 3:
            length, end = recipe
            text = base64.b64encode(data)
            ending = b"\r\n" if end & 1 else b"\n"
            data = ending.join(text[i : i + length] for i in range(0, len(text), length))
            if not end & 2:
                data += ending
        message += data
    return message


def date(seconds, zone, extra):
    if 2 in extra:
        return extra[2].decode()
    sign, minutes = ("-" if zone < 0 else "+"), abs(zone)
    local = datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(seconds=seconds, minutes=zone)
    return f"{local.day:2}-{local:%b-%Y %H:%M:%S} {sign}{minutes // 60:02}{minutes % 60:02}"


def messages(mailbox):
    """All records of a mailbox, with their flags."""
    pages = mailbox.get(15, [])
    for chunk_id in mailbox.get(16, []):
        pages += cbor2.loads(load(chunk_id))
    for start, bits, count, record_page, flag_page in pages:
        records = cbor2.loads(load(record_page))
        sets, index = cbor2.loads(load(flag_page))
        assert len(records) == len(index) == count
        uid = 0
        for record, which in zip(records, index):
            difference, size, _, seconds, zone, parts, *extra = record
            uid += difference
            assert start <= uid < start + (1 << bits)
            if isinstance(parts, bytes):
                parts = cbor2.loads(load(parts))
            yield uid, size, parts, sets[which][0], date(seconds, zone, extra[0] if extra else {})


newest = objects("manifests")[0]
manifest = cbor2.loads(Container(newest, writer.name).content)
mailboxes = manifest.get(17, [])
for chunk_id in manifest.get(18, []):
    mailboxes += cbor2.loads(load(chunk_id))
for mailbox in mailboxes:
    told = 0
    for uid, size, parts, flags, when in messages(mailbox):
        data = join(parts)
        assert len(data) == size, (mailbox[1], uid)
        told += 1
        print(json.dumps({
            "mailbox": mailbox[1].decode(), "uid": uid, "size": size, "sha256": hashlib.sha256(data).hexdigest(),
            "flags": " ".join(sorted(f.decode() for f in flags)), "date": when,
        }))
    assert told == mailbox.get(13, 0)
