#!/usr/bin/env python3
"""Restore mail from a mailstrata archive without mailstrata.

    restore.py --list COPY
    restore.py [--key FILE] [--fingerprint HEX] [--manifest ID] [--mailbox NAME] COPY OUT

COPY is a directory with a plain copy of the bucket: config/, keys/, data/ and so on. Each message becomes a file
OUT/MAILBOX/UID.eml, byte for byte; OUT/messages.jsonl lists its flags, labels and date. Scripts, events and contacts are
in OUT/.items, and OUT/items.jsonl lists them. What is missing or damaged is named in OUT/problems.txt, and the exit
status is then 1. It was written from docs/format.md alone, and needs Python's
standard library and two programs, age (1.3 or newer) and zstd. See README.md beside it.
"""

import argparse
import base64
import functools
import hashlib
import json
import os
import re
import struct
import subprocess
import sys
import tempfile
import urllib.parse
from datetime import datetime, timedelta, timezone

try:
    import blake3 as fast_blake3  # not needed: only faster
except ImportError:
    fast_blake3 = None

HEAD, TABLE = b"\x50\x2a\x4d\x18", b"\x51\x2a\x4d\x18"
SEALED, PASSPHRASE = b"age-encryption.org/v1\n", b"age-encryption.org/v1\n-> scrypt "
OBJECTS = re.compile(
    r"(keys/(owner|writer)-|data/|catalog/|index/|marks/|manifests/[0-9a-f]{32}/[0-9a-f]{16}-)[0-9a-f]{64}"
)


class Broken(Exception):
    """An object or a chunk is missing, or not as docs/format.md says."""


def need(condition, what):
    if not condition:
        raise Broken(what)


# BLAKE3. Python's integers have any length, so one addition adds many words at once: each 64 bits of an integer hold
# one 32-bit word of one of many blocks, which are compressed side by side.

IV = (0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19)
PERMUTATION = (2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8)
COLUMNS = ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15))
DIAGONALS = ((0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14))
START, END, PARENT, ROOT, KEYED, CONTEXT, MATERIAL = 1, 2, 4, 8, 16, 32, 64


def lanes(words):
    return int.from_bytes(struct.pack(f"<{len(words)}Q", *words), "little")


def compress(chain, words, ones, counters, lengths, flags):
    """One block of each lane. ones has 1 in each lane; the rest has one word of each lane in an integer."""
    mask = ones * 0xFFFFFFFF
    v = [*chain, *(ones * iv for iv in IV[:4]), counters & mask, counters >> 32 & mask, lengths, flags]
    for r in range(7):
        for step, (a, b, c, d) in enumerate(COLUMNS + DIAGONALS):
            for word, left, right in ((words[2 * step], 16, 12), (words[2 * step + 1], 8, 7)):
                v[a] = (v[a] + v[b] + word) & mask
                x = v[d] ^ v[a]
                v[d] = (x >> left | x << 32 - left) & mask
                v[c] = (v[c] + v[d]) & mask
                x = v[b] ^ v[c]
                v[b] = (x >> right | x << 32 - right) & mask
        if r < 6:
            words = [words[i] for i in PERMUTATION]
    return [v[i] ^ v[i + 8] for i in range(8)]


def columns(blocks):
    """The 16 words of blocks of 64 bytes each, and one in each lane."""
    count = len(blocks) // 64
    pairs, words = memoryview(blocks).cast("Q"), []
    ones = int.from_bytes(b"\1\0\0\0\0\0\0\0" * count, "little")
    for k in range(8):
        pair = int.from_bytes(pairs[k::8].tobytes(), "little")
        words += [pair & ones * 0xFFFFFFFF, pair >> 32 & ones * 0xFFFFFFFF]
    return words, ones


def chaining(values, count):
    """Eight integers of words, as 32 bytes a lane."""
    rows = [struct.unpack(f"<{2 * count}I", v.to_bytes(8 * count, "little"))[::2] for v in values]
    return [struct.pack("<8I", *lane) for lane in zip(*rows)]


def leaves(pieces, key, mode):
    """Chaining values of pieces of up to 1,024 bytes: (bytes, number in its input, flags of its last block)."""
    order = sorted(range(len(pieces)), key=lambda i: -len(pieces[i][0]))
    blocks = [max(1, (len(pieces[i][0]) + 63) // 64) for i in order]
    chain = [lanes([word] * len(order)) for word in key]
    counters = lanes([pieces[i][1] for i in order])
    for n in range(blocks[0]):
        active = sum(1 for b in blocks if b > n)
        part = [pieces[i] for i in order[:active]]
        words, ones = columns(b"".join(data[64 * n : 64 * n + 64].ljust(64, b"\0") for data, _, _ in part))
        flags = lanes([
            mode | (START if n == 0 else 0) | (END | last if blocks[k] == n + 1 else 0)
            for k, (_, _, last) in enumerate(part)
        ])
        lengths = lanes([min(64, len(data) - 64 * n) for data, _, _ in part])
        low = (1 << 64 * active) - 1
        fresh = compress([c & low for c in chain], words, ones, counters & low, lengths, flags)
        chain = [c >> 64 * active << 64 * active | f for c, f in zip(chain, fresh)]
    out = [b""] * len(pieces)
    for i, value in zip(order, chaining(chain, len(order))):
        out[i] = value
    return out


def blake3_many(key, inputs, mode=KEYED):
    """The hashes, of 32 bytes, of many inputs."""
    if fast_blake3 and mode == KEYED:
        return [fast_blake3.blake3(data, key=key).digest() for data in inputs]
    words = struct.unpack("<8I", key) if key else IV
    pieces, owners = [], []
    for number, data in enumerate(inputs):
        count = max(1, (len(data) + 1023) // 1024)
        pieces += [(data[1024 * k : 1024 * k + 1024], k, ROOT if count == 1 else 0) for k in range(count)]
        owners += [number] * count
    levels = [[] for _ in inputs]
    for at in range(0, len(pieces), 1024):
        for owner, value in zip(owners[at:], leaves(pieces[at : at + 1024], words, mode)):
            levels[owner].append(value)
    while any(len(level) > 1 for level in levels):
        jobs = [(n, k) for n, level in enumerate(levels) for k in range(0, len(level) - 1, 2)]
        above = [[] for _ in levels]
        for at in range(0, len(jobs), 1024):
            part = jobs[at : at + 1024]
            block, ones = columns(b"".join(levels[n][k] + levels[n][k + 1] for n, k in part))
            flags = lanes([mode | PARENT | (ROOT if len(levels[n]) == 2 else 0) for n, _ in part])
            parents = compress([ones * w for w in words], block, ones, 0, ones * 64, flags)
            for (n, _), value in zip(part, chaining(parents, len(part))):
                above[n].append(value)
        levels = [up + (level[-1:] if len(level) % 2 else []) if len(level) > 1 else level
                  for up, level in zip(above, levels)]
    return [level[0] for level in levels]


def blake3(data, key=None):
    return blake3_many(key, [data], KEYED if key else 0)[0]


def derive(context, material):
    return blake3_many(blake3_many(None, [context.encode()], CONTEXT)[0], [material], MATERIAL)[0]


# Ed25519 (RFC 8032): verification only.

PRIME = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
CURVE = -121665 * pow(121666, PRIME - 2, PRIME) % PRIME


def point(encoded):
    y = int.from_bytes(encoded, "little")
    sign, y = y >> 255, y & (1 << 255) - 1
    square = (y * y - 1) * pow(CURVE * y * y + 1, PRIME - 2, PRIME) % PRIME
    x = pow(square, (PRIME + 3) // 8, PRIME)
    if (x * x - square) % PRIME:
        x = x * pow(2, (PRIME - 1) // 4, PRIME) % PRIME
    if y >= PRIME or (x * x - square) % PRIME or x == 0 and sign:
        return None
    x = PRIME - x if x & 1 != sign else x
    return x, y, 1, x * y % PRIME


def plus(p, q):
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % PRIME, (p[1] + p[0]) * (q[1] + q[0]) % PRIME
    c, d = 2 * p[3] * q[3] * CURVE % PRIME, 2 * p[2] * q[2] % PRIME
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % PRIME, g * h % PRIME, f * g % PRIME, e * h % PRIME


def times(n, p):
    total = (0, 1, 1, 0)
    while n:
        if n & 1:
            total = plus(total, p)
        p, n = plus(p, p), n >> 1
    return total


def signed(public, message, signature):
    a, r, s = point(public), point(signature[:32]), int.from_bytes(signature[32:], "little")
    if len(signature) != 64 or a is None or r is None or s >= ORDER:
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % ORDER
    base = point((4 * pow(5, PRIME - 2, PRIME) % PRIME).to_bytes(32, "little"))
    left, right = times(s, base), plus(r, times(k, a))
    return all((left[i] * right[2] - right[i] * left[2]) % PRIME == 0 for i in (0, 1))


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
        need(major in (4, 5) and n <= len(data), "no such CBOR")
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
    """The content of the frame, as far as zstd decodes it, and the error that zstd reports."""
    done = subprocess.run(["zstd", "-dcq", "--long=31"], input=frame, capture_output=True)
    return done.stdout, done.stderr.decode(errors="replace").strip() or ("zstd fails" if done.returncode else "")


# age: the program decrypts up to the first piece that is damaged. With the package cryptography (48 or newer) pieces
# after it are read too.

PIECE = 64 * 1024


def file_key(header, identities):
    """The key of an age file that is sealed to one of age's hybrid identities."""
    from cryptography.hazmat.primitives import hpke
    from cryptography.hazmat.primitives.asymmetric import mlkem, x25519

    suite = hpke.Suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.CHACHA20_POLY1305)
    for args, body in re.findall(rb"-> mlkem768x25519 (\S+)\n([^-]*)", header):
        sealed = b"".join(base64.b64decode(text + b"===") for text in (args, body.replace(b"\n", b"")))
        for identity in identities:
            bits = 0
            for letter in identity.lower().rsplit("1", 1)[1][:-6]:
                bits = bits << 5 | "qpzry9x8gf2tvdw0s3jn54khce6mua7l".index(letter)
            seed = (bits >> 4).to_bytes(32, "big")  # 52 letters of 5 bits, of which the last 4 mean nothing
            expanded = hashlib.shake_256(seed).digest(96)
            private = hpke.MLKEM768X25519PrivateKey(
                mlkem.MLKEM768PrivateKey.from_seed_bytes(expanded[:64]),
                x25519.X25519PrivateKey.from_private_bytes(expanded[64:]))
            try:
                return suite.decrypt(sealed, private, b"age-encryption.org/mlkem768x25519")
            except Exception:  # sealed to another identity, or damaged
                continue
    raise Broken("no identity opens it")


def open_pieces(sealed, identities):
    """The plaintext of a damaged age file, and the ranges of it that are lost."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    end = sealed.find(b"\n", sealed.index(b"\n--- ") + 1) + 1
    key = HKDF(hashes.SHA256(), 32, sealed[end : end + 16], b"payload").derive(file_key(sealed[:end], identities))
    plain, lost, at = [], [], end + 16
    for number in range((len(sealed) - at + PIECE + 15) // (PIECE + 16)):
        piece = sealed[at : at + PIECE + 16]
        at += len(piece)
        nonce = number.to_bytes(11, "big") + (b"\1" if at == len(sealed) else b"\0")
        try:
            plain.append(ChaCha20Poly1305(key).decrypt(nonce, piece, None))
        except Exception:
            plain.append(bytes(max(0, len(piece) - 16)))
            lost.append((number * PIECE, number * PIECE + len(plain[-1])))
    return b"".join(plain), lost


class Container:
    """An object, unsealed: its table, and where in plain its frames are. lost: ranges of plain that are wrong."""

    def __init__(self, plain, lost=(), layout=None):
        self.plain, self.lost = plain, list(lost)
        self.head = self.table = None
        try:
            self.read_table()
        except (Broken, struct.error, KeyError, TypeError, ValueError):
            if layout is None:
                raise Broken("it has no table that can be read") from None
            head, stored, lengths = layout  # the index says where the frames are
            self.table = None
            self.place(head, stored, lengths)

    def read_table(self):
        plain = self.plain
        need(plain[:4] == HEAD and plain[-8:] == b"mstrata\x01", "no object of mailstrata's")
        at = 8 + struct.unpack("<I", plain[4:8])[0]
        self.head = plain[8:at]
        head = decode(self.head)
        need(head[0] == "mailstrata" and head[2] == 1 and head[5] == "blake3 zstd", "an object of a newer mailstrata")
        self.kind, self.repository, self.key_id = head[1], head[3], head[4]
        offset, size = struct.unpack("<QQ", plain[-24:-8])
        need(plain[offset - 8 : offset - 4] == TABLE, "an object without its table")
        self.raw_table, self.tag = plain[offset : offset + size], plain[-56:-24]
        self.table = decode(self.raw_table)
        self.place(at, [row[0] for row in self.table[1]], [row[1] for row in self.table[1]])
        need(self.frames and self.frames[-1][0] + self.frames[-1][1] == offset - 8, "frames that do not fit")

    def place(self, at, stored, lengths):
        self.frames = []
        for compressed, length in zip(stored, lengths):
            self.frames.append((at, compressed, length))
            at += compressed

    def proved(self, tag_key, kind):
        """Refuse an object that was not made with the repository's secret."""
        need(self.kind == kind, "it has another kind")
        need(blake3(self.head + self.raw_table, tag_key) == self.tag, "its tag is wrong")
        for (at, stored, _), (_, _, want) in zip(self.frames, self.table[1]):
            need(blake3(self.plain[at : at + stored]) == want, "a frame has another hash than the table says")
        return self

    def frame(self, number):
        """The content of a frame, or as much of it as can be decoded, and the error."""
        at, stored, length = self.frames[number]
        bad = min((max(a, at) for a, b in self.lost if a < at + stored and b > at), default=at + stored)
        content, wrong = unzstd(self.plain[at:bad])
        return content, wrong or ("" if len(content) == length else "a frame of another length")

    def content(self):
        whole = []
        for number in range(len(self.frames)):
            content, wrong = self.frame(number)
            need(not wrong, wrong)
            whole.append(content)
        return b"".join(whole)


class Keys:
    """The secrets of a slot."""

    def __init__(self, slot, repository):
        secret, self.keeper, self.repository = slot[4], slot[8], repository
        self.tag = derive("mailstrata v1 tag", secret)
        self.chunk = derive("mailstrata v1 chunk id", secret)
        self.message = derive("mailstrata v1 message hash", secret)
        self.account = derive("mailstrata v1 account", secret)
        self.id = derive("mailstrata v1 key id", secret)[:8]
        self.fingerprint = derive("mailstrata v1 fingerprint", repository + self.id + self.keeper)[:16].hex()
        self.writers, self.readers = list(slot.get(5, [])), list(slot.get(6, []))

    def folder(self, account):
        return blake3(account, self.account)[:16].hex()


class Archive:
    def __init__(self, copy, age, key, fingerprint, scratch):
        self.copy, self.age, self.scratch, self.problems = copy, age, scratch, []
        self.keys = self.unlock(key, fingerprint)
        self.files = {"reader": self.keys.readers, "writer": self.keys.writers}
        for name, identities in self.files.items():
            with open(os.path.join(scratch, name), "x", encoding="ascii") as f:
                f.write("\n".join(identities) + "\n")
        self.where, self.layouts, self.pieces, self.asked = None, {}, {}, set()

    def problem(self, text):
        if text not in self.problems:
            self.problems.append(text)
            print(text, file=sys.stderr)

    @functools.lru_cache(maxsize=None)
    def names(self, folder):
        found = []
        for path, _, files in os.walk(os.path.join(self.copy, folder)):
            found += [os.path.relpath(os.path.join(path, f), self.copy).replace(os.sep, "/") for f in files]
        return sorted(filter(OBJECTS.fullmatch, found))

    def unlock(self, key, fingerprint):
        """The secrets of the slots that open. Several slots may have identities that others lack."""
        found, closed = {}, []
        if not self.names("keys"):
            sys.exit(f"{self.copy} is no copy of a repository: it has no directory keys with key slots")
        for name in self.names("keys"):
            try:
                container = Container(self.unseal(name, key))
                slot = decode(container.content())
                keys = Keys(slot, container.repository)
                need(container.key_id == keys.id, "its key id is wrong")
                container.proved(keys.tag, "key")
            except (Broken, KeyError, TypeError) as e:
                closed.append(f"{name}: {e.args[0] if e.args else e}")
                continue
            print(f"fingerprint {keys.fingerprint}", file=sys.stderr)
            first = found.setdefault(keys.fingerprint, keys)
            first.writers = list(dict.fromkeys(first.writers + keys.writers))
            first.readers = list(dict.fromkeys(first.readers + keys.readers))
        if fingerprint:
            found = {f: k for f, k in found.items() if f.startswith(fingerprint.lower())}
        if not found:
            sys.exit("\n".join(closed + ["no key slot opens" + (" that has this fingerprint" if fingerprint else "")]))
        if len(found) > 1:
            sys.exit("slots of several repositories open: name yours with --fingerprint")
        keys = next(iter(found.values()))
        if keys.writers and not keys.readers:
            sys.exit("this is a writer's key, which opens no mail")
        return keys

    def stored(self, name):
        with open(os.path.join(self.copy, name), "rb") as f:
            return f.read()

    def unseal(self, name, key):
        """The object's plaintext; Broken, with what was decrypted until then as its second argument, if age fails."""
        stored = self.stored(name)
        if not stored.startswith(SEALED):
            return stored
        if key is None and not stored.startswith(PASSPHRASE):
            raise Broken("needs a key file: --key")
        if key is not None and stored.startswith(PASSPHRASE):
            raise Broken("needs its passphrase: leave out --key")
        how = [self.age, "-d"] + (["-i", key] if key else []) + [os.path.join(self.copy, name)]
        try:
            done = subprocess.run(how, stdout=subprocess.PIPE, stderr=None if key is None else subprocess.PIPE)
        except OSError as e:
            sys.exit(f"cannot run age, which opens sealed repositories: {e}; install it, or name it with --age PROGRAM")
        if done.returncode:
            lines = (done.stderr or b"").decode(errors="replace").strip().splitlines() or ["age fails"]
            raise Broken(lines[0], done.stdout)
        return done.stdout

    def open(self, name, kind):
        """An object that is not a pack, proved by its tag."""
        container = Container(self.unseal(name, os.path.join(self.scratch, "writer")))
        need((container.repository, container.key_id) == (self.keys.repository, self.keys.id), "of another repository")
        return container.proved(self.keys.tag, kind)

    @functools.lru_cache(maxsize=4)  # a pack has at most 32 MiB
    def pack(self, name):
        """A pack, or what can be read of it. Nothing in it is trusted: each chunk is proved by its ID."""
        role, layout = ("reader" if name.startswith("data/") else "writer"), self.layouts.get(name)
        try:
            return Container(self.unseal(name, os.path.join(self.scratch, role)), (), layout)
        except Broken as e:
            self.problem(f"{name}: {e.args[0]}")
            if len(e.args) == 1:
                raise
            known = e.args[1]
        stored = self.stored(name)
        try:
            plain, lost = open_pieces(stored, self.files[role])
        except (ImportError, AttributeError, ValueError, Broken):  # no such package, or too old
            self.problem(f"{name}: only what is before the damage is read; with the Python package cryptography, 48 or "
                         "newer, also what is after it")
            plain, lost = known + bytes(len(stored)), [(len(known), len(known) + len(stored))]
        return Container(plain, lost, layout)

    @functools.lru_cache(maxsize=16)
    def frame(self, name, number):
        """The chunks of a frame, by place: content and ID."""
        content, wrong = self.pack(name).frame(number)
        if wrong:
            self.problem(f"{name}: frame {number + 1}: {wrong}")
        places = [(o, n) for o, n in self.pieces.get((name, number), ()) if o + n <= len(content)]
        chunks = [content[o : o + n] for o, n in places]
        return dict(zip(places, zip(blake3_many(self.keys.chunk, chunks), chunks)))

    def locate(self):
        """Find chunks by the index. Packs that it does not name are read themselves."""
        self.where = {}
        for name in self.names("index"):
            try:
                self.segment(self.open(name, "index"))
            except (Broken, struct.error, KeyError, TypeError, ValueError, IndexError) as e:
                self.problem(f"{name}: {e.args[0]}")
        self.ask(name for name in self.names("data") + self.names("catalog") if name not in self.layouts)

    def place(self, prefix, pack, number, offset, length):
        places = self.where.setdefault(prefix, [])
        if (pack, number, offset, length) not in places:
            places.append((pack, number, offset, length))
            self.pieces.setdefault((pack, number), []).append((offset, length))

    def segment(self, segment):
        frames, layouts = [], {}
        for kind, name, _, head, stored, lengths in segment.table[4]:
            pack = ("data/", "catalog/")[kind] + name.hex()
            layouts[pack] = (head, stored, lengths)
            frames += [(pack, i) for i in range(len(lengths))]
        there = set(self.names("data") + self.names("catalog"))
        for i, (_, n) in enumerate(segment.table[5]):
            block, wrong = segment.frame(i)
            need(not wrong, wrong)
            rows = [struct.unpack_from(f"<{n}I", block, n * at) for at in (16, 20, 24)]
            for k, (frame, offset, length) in enumerate(zip(*rows)):
                if frames[frame][0] in there:
                    self.place(block[16 * k : 16 * k + 16], *frames[frame], offset, length)
        self.layouts.update(layouts)

    def ask(self, names):
        for name in names:
            self.asked.add(name)
            try:
                pack = self.pack(name)
                need(pack.table is not None, "it has no table that can be read")
                for i, (_, prefixes, lengths) in enumerate(pack.table[3]):
                    offset = 0
                    for k, length in enumerate(lengths):
                        self.place(prefixes[16 * k : 16 * k + 16], name, i, offset, length)
                        offset += length
            except (Broken, KeyError, TypeError, ValueError) as e:
                self.problem(f"{name}: {e.args[0]}")

    def chunk(self, chunk_id):
        try:
            return self.find(chunk_id)
        except Broken:
            rest = [name for name in self.names("data") + self.names("catalog") if name not in self.asked]
            if not rest:
                raise
        self.ask(rest)  # the index may be wrong or incomplete
        self.frame.cache_clear()
        return self.find(chunk_id)

    def find(self, chunk_id):
        for name, number, offset, length in self.where.get(chunk_id[:16], ()):
            try:
                found, chunk = self.frame(name, number).get((offset, length), (None, None))
            except (Broken, IndexError):
                continue
            if found == chunk_id:
                return chunk
        raise Broken(f"no pack has the chunk {chunk_id.hex()} whole")

    def marks(self):
        """The names of manifests that were forgotten."""
        marked = set()
        for name in self.names("marks"):
            try:
                payload, signature = decode(self.open(name, "mark").content())
                message = b"mailstrata v1 mark\0" + self.keys.repository + payload
                need(signed(self.keys.keeper, message, signature), "not signed by the keeper: it counts for nothing")
                mark = decode(payload)
                marked |= {row.decode() for row in [mark[1]] + [more[0] for more in mark.get(3, [])]}
            except (Broken, KeyError, TypeError, ValueError) as e:
                self.problem(f"{name}: {e.args[0]}")
        return marked

    def manifests(self):
        """All that can be read and came in time: name, time, content, whether forgotten, whether misdated."""
        marked = self.marks()
        for name in self.names("manifests"):
            _, account, stamp = name.split("/")
            put = 2**64 - 1 - int(stamp.split("-")[0], 16)
            try:
                m = decode(self.open(name, "manifest").content())
                need(self.keys.folder(m[1]) == account, "its name is of another account")
                near = m[3] - 60_000 <= put <= m[3] + 12 * 3_600_000 + 60_000  # for programs that did not write 24
                need(m[24] == put if 24 in m else near, "its name has another time")
                when = datetime.fromtimestamp(put / 1000, timezone.utc)
                if when > datetime.now(timezone.utc) + timedelta(minutes=5):
                    self.problem(f"{name}: its time, {when:%Y-%m-%d %H:%M}, is in the future: it is restored only if you name it")
                    yield name, when, m, name in marked, True
                elif put <= m[5]:  # else it came after its deadline
                    yield name, when, m, name in marked, False
            except (Broken, KeyError, TypeError, ValueError, OverflowError, OSError) as e:
                self.problem(f"{name}: {e.args[0]}")

    def mailboxes(self, manifest):
        yield from manifest.get(17, [])
        tables = manifest.get(18, [])
        for number, table in enumerate(tables):
            try:
                yield from decode(self.chunk(table))
            except Broken as e:
                self.problem(f"mailbox table {number + 1} of {len(tables)}, with all its mailboxes: {e.args[0]}")

    def pages(self, mailbox):
        yield from mailbox.get(15, [])
        lists = list(mailbox.get(16, []))
        groups = mailbox.get(22, [])
        for number, group in enumerate(groups):
            try:
                lists += decode(self.chunk(group))
            except Broken as e:
                self.problem(f"{ascii(title(mailbox))}, list group {number + 1} of {len(groups)}: {e.args[0]}")
        for number, page_list in enumerate(lists):
            try:
                yield from decode(self.chunk(page_list))
            except Broken as e:
                self.problem(f"{ascii(title(mailbox))}, page list {number + 1} of {len(lists)}: {e.args[0]}")

    def messages(self, mailbox):
        """UID, record, flags and labels of each message; of a page that is lost, how many messages it had."""
        for start, bits, count, records, flags in self.pages(mailbox):
            where = f"{ascii(title(mailbox))}, {count} messages from UID {max(start, 1)} to {start + 2**bits - 1}"
            try:
                page = decode(self.chunk(records))
            except Broken as e:
                self.problem(f"{where}: {e.args[0]}")
                yield count, None, None
                continue
            try:
                sets, index = decode(self.chunk(flags))
            except Broken as e:
                self.problem(f"{where}: restored without flags: {e.args[0]}")
                sets, index = [([], [])], [0] * len(page)
            uid = 0
            for record, i in zip(page, index):
                uid += record[0]
                yield uid, record, sets[i]

    def items(self, manifest):
        """Source, collection and item of each script, event and contact; without an item if something is lost."""
        for number, chunk in enumerate(manifest.get(27, [])):
            try:
                source = decode(self.chunk(chunk))
            except Broken as e:
                self.problem(f"item source {number + 1} of {len(manifest[27])}: {e.args[0]}")
                yield None, None, None
                continue
            for collection in source.get(7, []):
                for page in collection.get(10, []):
                    try:
                        items = decode(self.chunk(page))
                    except Broken as e:
                        self.problem(f"{ascii(title(collection))}, a page of items: {e.args[0]}")
                        yield source, collection, None
                        continue
                    for item in items:
                        yield source, collection, item

    def item(self, item):
        ids = self.chunk(item[5]) if 5 in item else item.get(4, b"")
        return b"".join(self.chunk(ids[i : i + 32]) for i in range(0, len(ids), 32))

    def message(self, record):
        parts = record[5] if isinstance(record[5], list) else decode(self.chunk(record[5]))
        return b"".join(self.part(*part) for part in parts)

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
    """A mailbox's name as the name of a directory, which cannot lead elsewhere."""
    quoted = urllib.parse.quote(name, safe=" @,=").replace(".", "%2E")
    if len(quoted) > 200:
        quoted = quoted[:180] + "-" + hashlib.sha256(name).hexdigest()[:16]
    return quoted


KINDS = {1: ("sieve", ".sieve"), 2: ("calendars", ".ics"), 3: ("addressbooks", ".vcf")}


def file_name(name, ending):
    """An item's name as the name of a file, which ends as its kind does. Two names never give one file."""
    percent = "" if ending == ".sieve" else "%"  # the names of calendars' items are quoted already, those of scripts are not
    quoted = urllib.parse.quote(name, safe=" @,=-" + percent)
    if quoted.startswith(".") or len(quoted) > 200:
        quoted = "item-" + hashlib.sha256(name).hexdigest()[:32]
    return quoted if quoted.endswith(ending) else quoted + "-" + hashlib.sha256(name).hexdigest()[:8] + ending


def text(name):
    return name.decode(errors="backslashreplace")


def title(mailbox):
    """The name of a mailbox, or of a collection."""
    return text(mailbox.get(2, mailbox[1]))


class Output:
    """Write files of messages, after comparing their hashes, some hundred at a time."""

    def __init__(self, archive, out):
        self.archive, self.out, self.waiting, self.size = archive, out, [], 0
        self.restored = self.restored_items = self.failed = 0
        os.makedirs(out)
        self.table = open(os.path.join(out, "messages.jsonl"), "x", encoding="utf-8")

    def directory(self, mailbox):
        where = os.path.join(self.out, folder(mailbox[1]))
        try:
            os.makedirs(where)
        except FileExistsError:  # a name that differs only in case, on a file system that ignores case
            where += "-" + hashlib.sha256(mailbox[1]).hexdigest()[:16]
            os.makedirs(where)
        return where

    def fail(self, mailbox, uid, why):
        self.failed += 1
        self.archive.problem(f"{ascii(title(mailbox))}, UID {uid}: {why}")

    def add(self, mailbox, where, uid, record, flags, whole):
        self.waiting.append((mailbox, where, uid, record, flags, whole))
        self.size += len(whole)
        if self.size > 2 << 20 or len(self.waiting) == 1000:
            self.flush()

    def flush(self):
        waiting, self.waiting, self.size = self.waiting, [], 0
        hashes = blake3_many(self.archive.keys.message, [w[5] for w in waiting])
        for (mailbox, where, uid, record, (flags, labels), whole), found in zip(waiting, hashes):
            if found != record[2]:
                self.fail(mailbox, uid, "its parts are not the message that was archived")
                continue
            path = os.path.join(where, f"{uid}.eml")
            with open(path, "xb") as f:
                f.write(whole)
            self.restored += 1
            self.table.write(json.dumps({
                "file": os.path.relpath(path, self.out), "mailbox": title(mailbox), "raw": text(mailbox[1]), "uid": uid,
                "date": date(record), "flags": [text(f) for f in flags], "labels": [text(label) for label in labels],
            }) + "\n")

    def items(self, manifest):
        """Write scripts, events and contacts. OUT/.items is no mailbox: folder() escapes dots."""
        table = None
        for source, collection, item in self.archive.items(manifest):
            if item is None:
                self.failed += 1
                continue
            try:
                whole = self.archive.item(item)
            except Broken as e:
                self.failed += 1
                self.archive.problem(f"{ascii(title(collection))}, {ascii(text(item[1]))}: {e.args[0]}")
                continue
            kind, ending = KINDS.get(source[1], ("other", ""))
            where = os.path.join(self.out, ".items", kind, folder(collection[1] or b"scripts"))
            os.makedirs(where, exist_ok=True)
            path = os.path.join(where, file_name(item[1], ending))
            with open(path, "xb") as f:
                f.write(whole)
            self.restored_items += 1
            table = table or open(os.path.join(self.out, "items.jsonl"), "x", encoding="utf-8")
            table.write(json.dumps({
                "file": os.path.relpath(path, self.out), "kind": kind, "source": text(source[2]), "path": text(collection[1]),
                "collection": title(collection), "name": text(item[1]), "active": item.get(6, False),
            }) + "\n")
        if table:
            table.close()

    def close(self):
        self.flush()
        self.table.close()
        if self.archive.problems:
            with open(os.path.join(self.out, "problems.txt"), "x", encoding="utf-8") as f:
                f.write("\n".join(self.archive.problems) + "\n")
        items = f" and {self.restored_items} items" if self.restored_items else ""
        print(f"{self.restored} messages{items} restored, {self.failed} not", file=sys.stderr)
        return 1 if self.failed or self.archive.problems else 0


def restore(archive, manifest, wanted, out):
    output, total, others = Output(archive, out), 0, []
    wanted_found = False
    for mailbox in archive.mailboxes(manifest):
        if mailbox.get(0, 0) != 0:
            archive.problem(f"{ascii(title(mailbox))}: a collection of a newer mailstrata, which is left out")
            continue
        total += mailbox.get(13, 0)
        if wanted is not None and wanted not in (title(mailbox), text(mailbox[1])):
            others.append(title(mailbox))
            continue
        wanted_found = True
        where = output.directory(mailbox)
        for uid, record, flags in archive.messages(mailbox):
            if record is None:
                output.failed += uid
                continue
            try:
                output.add(mailbox, where, uid, record, flags, archive.message(record))
            except Broken as e:
                output.fail(mailbox, uid, e.args[0])
    if wanted is not None and not wanted_found:
        archive.problem(f"no mailbox is {ascii(wanted)}; there are {', '.join(map(ascii, others))}")
    if total < manifest[9][1]:
        archive.problem(f"the manifest counts {manifest[9][1]} messages; the mailboxes that are left have {total}")
    if wanted is None:
        output.items(manifest)
    return output.close()


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("copy", metavar="COPY")
    p.add_argument("out", metavar="OUT", nargs="?", help="a directory that does not exist yet")
    p.add_argument("--list", action="store_true", help="list the manifests")
    p.add_argument("--key", metavar="FILE", help="an owner's key file; without one, age asks for the passphrase")
    p.add_argument("--fingerprint", metavar="HEX", help="of your repository: no other is opened")
    p.add_argument("--manifest", metavar="ID", help="the beginning of an id; without it, the newest complete one")
    p.add_argument("--mailbox", metavar="NAME", help="only this mailbox")
    p.add_argument("--age", metavar="PROGRAM", default="age")
    a = p.parse_args()
    if a.list == (a.out is not None):
        p.error("either --list or OUT")
    if a.key is not None and not os.path.isfile(a.key):
        p.error(f"there is no key file {a.key}")
    os.umask(0o077)
    with tempfile.TemporaryDirectory() as scratch:  # holds the identities
        archive = Archive(a.copy, a.age, a.key, a.fingerprint, scratch)
        found = []
        for name, when, m, forgotten, false in archive.manifests():
            manifest_id = name.rsplit("-", 1)[1]
            state = ", ".join(["checkpoint"] * (m[7] != 1) + ["forgotten"] * forgotten + ["misdated"] * false)
            if a.list:
                print(manifest_id[:8], when.strftime("%Y-%m-%d %H:%M"), m[9][1], ascii(text(m[1])), state)
            elif manifest_id.startswith(a.manifest) if a.manifest else m[7] == 1 and not (forgotten or false):
                found.append((when, manifest_id, m, forgotten))
        if a.list:
            return 1 if archive.problems else 0
        if not found:
            sys.exit("no such manifest: --list shows all manifests")
        if len({m[1] for _, _, m, _ in found}) > 1:
            sys.exit("there are several accounts: --list shows the manifests, and --manifest names one")
        when, manifest_id, m, forgotten = max(found, key=lambda f: f[0])
        print(f"manifest {manifest_id[:8]} of {when.isoformat(timespec='seconds')}", file=sys.stderr)
        if forgotten:
            print("this manifest was forgotten: packs that it needs may be deleted", file=sys.stderr)
        archive.locate()
        return restore(archive, m, a.mailbox, a.out)


if __name__ == "__main__":
    sys.exit(main())
