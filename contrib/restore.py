#!/usr/bin/env python3
"""Brings mail back from a mailstrata archive without mailstrata.

    restore.py --list COPY
    restore.py [--key FILE] [--manifest ID] [--mailbox NAME] COPY OUT

COPY is a directory that holds a plain copy of the bucket: config/, keys/, data/ and so on. Each message becomes a file
OUT/MAILBOX/UID.eml, byte for byte; OUT/messages.jsonl tells its flags, labels and date. It was written from docs/format.md
alone, and needs Python's standard library and two programs, age (1.3 or newer) and zstd. See README.md beside it.
"""

import argparse
import base64
import functools
import hashlib
import json
import os
import struct
import subprocess
import sys
import tempfile
import urllib.parse
from datetime import datetime, timedelta, timezone

HEAD, TABLE = b"\x50\x2a\x4d\x18", b"\x51\x2a\x4d\x18"
SEALED, PASSPHRASE = b"age-encryption.org/v1\n", b"age-encryption.org/v1\n-> scrypt "


class Broken(Exception):
    """An object, or a chunk, is not there or not what docs/format.md says."""


def need(condition, what):
    if not condition:
        raise Broken(what)


def decode(data):
    """One value of CBOR, as docs/format.md has it: numbers, strings, arrays, maps, false, true, null."""

    def value(at):
        major, short = data[at] >> 5, data[at] & 31
        at += 1
        if major == 7:
            return {20: False, 21: True, 22: None}[short], at
        need(short < 28, "no such CBOR")
        size = {24: 1, 25: 2, 26: 4, 27: 8}.get(short, 0)
        n = int.from_bytes(data[at : at + size], "big") if size else short
        at += size
        if major in (0, 1):
            return (n if major == 0 else -1 - n), at
        if major in (2, 3):
            need(at + n <= len(data), "CBOR that is cut short")
            text = bytes(data[at : at + n])
            return (text if major == 2 else text.decode()), at + n
        need(major in (4, 5), "no such CBOR")
        items = []
        for _ in range(n if major == 4 else 2 * n):
            item, at = value(at)
            items.append(item)
        return (items if major == 4 else dict(zip(items[::2], items[1::2]))), at

    try:
        return value(0)[0]
    except (IndexError, KeyError, TypeError, RecursionError, UnicodeDecodeError) as e:
        raise Broken("CBOR that cannot be read") from e


def unzstd(frame):
    done = subprocess.run(["zstd", "-dcq", "--long=31"], input=frame, capture_output=True)
    need(done.returncode == 0, "zstd: " + done.stderr.decode(errors="replace").strip())
    return done.stdout


class Container:
    """An object, unsealed: its table, and where in plain its frames lie."""

    def __init__(self, plain):
        self.plain = plain
        need(plain[:4] == HEAD and plain[-8:] == b"mstrata\x01", "no object of mailstrata's")
        at = 8 + struct.unpack("<I", plain[4:8])[0]
        head = decode(plain[8:at])
        need(head[2] == 1 and head[5] == "blake3 zstd", "an object of a newer mailstrata")
        offset, size = struct.unpack("<QQ", plain[-24:-8])
        need(plain[offset - 8 : offset - 4] == TABLE, "an object without its table")
        self.table = decode(plain[offset : offset + size])
        self.frames = []
        for stored, length, _ in self.table[1]:
            self.frames.append((at, stored, length))
            at += stored

    def frame(self, number):
        at, stored, length = self.frames[number]
        content = unzstd(self.plain[at : at + stored])
        need(len(content) == length, "a frame of another length")
        return content

    def content(self):
        return b"".join(self.frame(i) for i in range(len(self.frames)))


class Archive:
    def __init__(self, copy, age, key, scratch):
        self.copy, self.age, self.scratch = copy, age, scratch
        self.writer, self.reader = self.identities(key)
        self.where = None  # prefix of a chunk's ID: pack, frame, offset, length

    def names(self, folder):
        found = []
        for path, _, files in os.walk(os.path.join(self.copy, folder)):
            found += [os.path.relpath(os.path.join(path, f), self.copy).replace(os.sep, "/") for f in files]
        return sorted(found)

    def identities(self, key):
        """The identities of the slots that open: all of them, for old packs have old keys."""
        writers, readers, opened, closed = [], [], False, []
        for name in self.names("keys"):
            try:
                slot = decode(self.open(name, key).content())
            except Broken as e:
                closed.append(f"{name}: {e}")
                continue
            opened = True
            writers += slot.get(5, [])
            readers += slot.get(6, [])
        if not opened:
            sys.exit("\n".join(closed + ["no key slot opens"]))
        if writers and not readers:
            sys.exit("this is a writer's key, which opens no mail")
        return self.identity_file("writer", writers), self.identity_file("reader", readers)

    def identity_file(self, name, identities):
        path = os.path.join(self.scratch, name)
        with open(path, "x", encoding="ascii") as f:
            f.write("\n".join(dict.fromkeys(identities)) + "\n")
        return path

    def open(self, name, key):
        with open(os.path.join(self.copy, name), "rb") as f:
            stored = f.read()
        if not stored.startswith(SEALED):
            return Container(stored)
        if key is None and not stored.startswith(PASSPHRASE):
            raise Broken("needs a key file: --key")
        if key is not None and stored.startswith(PASSPHRASE):
            raise Broken("needs its passphrase: leave out --key")
        how = [self.age, "-d"] + (["-i", key] if key else []) + [os.path.join(self.copy, name)]
        done = subprocess.run(how, stdout=subprocess.PIPE, stderr=None if key is None else subprocess.PIPE)
        need(done.returncode == 0, "age: " + (done.stderr or b"").decode(errors="replace").strip())
        return Container(done.stdout)

    @functools.lru_cache(maxsize=4)  # a pack has at most 32 MiB
    def pack(self, name):
        return self.open(name, self.reader if name.startswith("data/") else self.writer)

    @functools.lru_cache(maxsize=16)
    def frame(self, name, number):
        return self.pack(name).frame(number)

    def locate(self):
        """Where chunks lie: the index says it, and packs that it does not name say it themselves."""
        self.where, indexed = {}, set()
        for name in self.names("index"):
            try:
                indexed |= self.segment(self.open(name, self.writer))
            except Broken as e:
                print(f"{name}: {e}", file=sys.stderr)
        for name in self.names("data") + self.names("catalog"):
            if name in indexed:
                continue
            try:
                self.own(name)
            except Broken as e:
                print(f"{name}: {e}", file=sys.stderr)

    def segment(self, segment):
        frames = []
        for kind, name, _, _, _, lengths in segment.table[4]:
            pack = ("data/", "catalog/")[kind] + name.hex()
            there = os.path.exists(os.path.join(self.copy, pack))
            frames += [(pack if there else None, i) for i in range(len(lengths))]
        for i, (_, n) in enumerate(segment.table[5]):
            block = segment.frame(i)
            columns = [struct.unpack_from(f"<{n}I", block, n * at) for at in (16, 20, 24)]
            for k, (frame, offset, length) in enumerate(zip(*columns)):
                if frames[frame][0]:
                    self.where[block[16 * k : 16 * k + 16]] = (*frames[frame], offset, length)
        return {pack for pack, _ in frames}

    def own(self, name):
        for i, (_, prefixes, lengths) in enumerate(self.pack(name).table[3]):
            offset = 0
            for k, length in enumerate(lengths):
                self.where[prefixes[16 * k : 16 * k + 16]] = (name, i, offset, length)
                offset += length

    def chunk(self, chunk_id):
        need(chunk_id[:16] in self.where, f"no pack has the chunk {chunk_id.hex()}")
        name, number, offset, length = self.where[chunk_id[:16]]
        return self.frame(name, number)[offset : offset + length]

    def manifests(self):
        """All that can be read, of each account the newest first: name, time, content."""
        for name in self.names("manifests"):
            try:
                m = decode(self.open(name, self.writer).content())
            except Broken as e:
                print(f"{name}: {e}", file=sys.stderr)
                continue
            put = 2**64 - 1 - int(name.split("/")[2].split("-")[0], 16)
            if put <= m[5]:  # else it came after its deadline
                yield name, datetime.fromtimestamp(put / 1000, timezone.utc), m

    def mailboxes(self, manifest):
        yield from manifest.get(17, [])
        for table in manifest.get(18, []):
            yield from decode(self.chunk(table))

    def messages(self, mailbox):
        """UID, record, flags and labels of each message."""
        pages = list(mailbox.get(15, []))
        for page_list in mailbox.get(16, []):
            pages += decode(self.chunk(page_list))
        for _, _, _, records, flags in pages:
            sets, index = decode(self.chunk(flags))
            uid = 0
            for record, i in zip(decode(self.chunk(records)), index):
                uid += record[0]
                yield uid, record, sets[i]

    def message(self, record):
        parts = record[5] if isinstance(record[5], list) else decode(self.chunk(record[5]))
        whole = b"".join(self.part(*part) for part in parts)
        need(len(whole) == record[1], f"{len(whole)} bytes, and there were {record[1]}")
        return whole

    def part(self, kind, ids, length=0, end=0):
        data = b"".join(self.chunk(ids[i : i + 32]) for i in range(0, len(ids), 32))
        if kind != 3:
            return data
        text, line_end = base64.b64encode(data), b"\r\n" if end & 1 else b"\n"
        lines = line_end.join(text[i : i + length] for i in range(0, len(text), length))
        return lines if end & 2 else lines + line_end


def date(record):
    extra = record[6] if len(record) > 6 else {}
    if 2 in extra:
        return extra[2].decode(errors="replace")
    zone = timezone(timedelta(minutes=record[4]))
    return (datetime(1970, 1, 1, tzinfo=zone) + timedelta(seconds=record[3], minutes=record[4])).isoformat()


def folder(name):
    """A mailbox's name as one of a directory: it leads nowhere else."""
    quoted = urllib.parse.quote(name, safe=" @,=").replace(".", "%2E")
    if len(quoted) > 200:
        quoted = quoted[:180] + "-" + hashlib.sha256(name).hexdigest()[:16]
    return quoted


def text(name):
    return name.decode(errors="backslashreplace")


def restore(archive, manifest, wanted, out):
    harmed = restored = 0
    os.makedirs(out)
    with open(os.path.join(out, "messages.jsonl"), "x", encoding="utf-8") as table:
        for mailbox in archive.mailboxes(manifest):
            name = mailbox.get(2, mailbox[1])
            if wanted is not None and wanted not in (text(name), text(mailbox[1])):
                continue
            where = os.path.join(out, folder(mailbox[1]))
            os.makedirs(where)
            for uid, record, (flags, labels) in archive.messages(mailbox):
                try:
                    whole = archive.message(record)
                except Broken as e:
                    harmed += 1
                    print(f"{ascii(text(name))}, UID {uid}: {e}", file=sys.stderr)
                    continue
                path = os.path.join(where, f"{uid}.eml")
                with open(path, "xb") as f:
                    f.write(whole)
                restored += 1
                table.write(json.dumps({
                    "file": os.path.relpath(path, out), "mailbox": text(name), "raw": text(mailbox[1]), "uid": uid, "date": date(record),
                    "flags": [text(f) for f in flags], "labels": [text(label) for label in labels],
                }) + "\n")
    print(f"{restored} messages restored, {harmed} not", file=sys.stderr)
    return 1 if harmed else 0


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("copy", metavar="COPY")
    p.add_argument("out", metavar="OUT", nargs="?", help="a directory that is not there yet")
    p.add_argument("--list", action="store_true", help="list the manifests")
    p.add_argument("--key", metavar="FILE", help="an owner's key file; without one, age asks for the passphrase")
    p.add_argument("--manifest", metavar="ID", help="the beginning of an id; without it, the newest complete one")
    p.add_argument("--mailbox", metavar="NAME", help="this mailbox alone")
    p.add_argument("--age", metavar="PROGRAM", default="age")
    a = p.parse_args()
    if a.list == (a.out is not None):
        p.error("either --list or OUT")
    os.umask(0o077)
    with tempfile.TemporaryDirectory() as scratch:  # holds the identities
        archive = Archive(a.copy, a.age, a.key, scratch)
        found = []
        for name, when, m in archive.manifests():
            manifest_id = name.rsplit("-", 1)[1]
            if a.list:
                print(manifest_id[:8], when.strftime("%Y-%m-%d %H:%M"), m[9][1], ascii(text(m[1])), ("checkpoint", "")[m[7]])
            elif manifest_id.startswith(a.manifest) if a.manifest else m[7] == 1:
                found.append((when, m))
        if a.list:
            return 0
        if not found:
            sys.exit("no such manifest: --list tells which there are")
        if len({m[1] for _, m in found}) > 1:
            sys.exit("there are several accounts: --list tells the manifests, and --manifest names one")
        archive.locate()
        return restore(archive, max(found, key=lambda f: f[0])[1], a.mailbox, a.out)


if __name__ == "__main__":
    sys.exit(main())
