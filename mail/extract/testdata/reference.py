"""Print the words of messages, as Python's email package reads them: one line of JSON for each file named on standard input."""

import email
import email.header
import email.policy
import html
import html.parser
import json
import re
import sys
import unicodedata

SEPARATE = set("""address article aside blockquote body br button caption center dd details dir div dl dt fieldset figcaption
figure footer form frameset h1 h2 h3 h4 h5 h6 head header hr html iframe img input legend li main menu nav noscript object ol
optgroup option p plaintext pre section select summary table tbody td textarea tfoot th thead title tr ul xmp""".split())


class Text(html.parser.HTMLParser):
    """Collects the text of an HTML document."""

    CDATA_CONTENT_ELEMENTS = ("script", "style", "title", "textarea")  # the last two have no tags, as in browsers

    def __init__(self):
        super().__init__()
        self.text, self.hidden, self.raw = [], "", False

    def handle_starttag(self, tag, attrs):
        if tag in ("script", "style"):
            self.hidden = tag
        self.raw = tag in ("title", "textarea")
        if tag in SEPARATE:
            self.text.append(" ")
        if tag == "img":
            self.text.append(" " + (dict(attrs).get("alt") or "") + " ")

    def handle_endtag(self, tag):
        self.hidden, self.raw = "", False
        if tag in SEPARATE:
            self.text.append(" ")

    def handle_data(self, data):
        if not self.hidden:
            self.text.append(html.unescape(data) if self.raw else data)


def decode(content, charset):
    """Decode content as declared. What is not declared, or wrongly, is UTF-8 if most of it can be, else Windows-1252."""
    charset = re.sub(r"[\s\"']", "", charset or "").lower()
    if charset in ("", "us-ascii", "ascii", "unknown-8bit", "x-unknown", "default", "unknown", "ansi_x3.4-1968"):
        charset = ""
    if charset in ("gb2312", "gbk"):
        charset = "gb18030"
    if charset == "iso-8859-1":
        charset = "cp1252"
    if charset in ("ks_c_5601-1987", "euc-kr"):
        charset = "cp949"
    if charset == "shift_jis":
        charset = "cp932"
    if charset not in ("", "utf-8", "utf8"):
        try:
            return content.decode(charset, "replace")
        except LookupError:
            pass
    text = content.decode("utf-8", "replace")
    invalid = text.count("\ufffd") - content.count(b"\xef\xbf\xbd")
    if sum(ord(c) >= 0x80 for c in text) >= 2 * invalid:
        return text
    return content.decode("cp1252", "replace")


def field(message, name):
    """Return the decoded values of all fields of a name."""
    values = []
    for value in message.get_all(name, []):
        raw = re.sub(r"\r?\n[ \t]*", " ", str_of(value))
        try:
            decoded = "".join(
                decode(part, charset) if isinstance(part, bytes) else part
                for part, charset in email.header.decode_header(raw))
        except Exception:
            decoded = raw
        values.append(decoded)
    return " ".join(values)


def str_of(value):
    """Return a value of compat32, which has bytes that are not ASCII as surrogates or in a Header."""
    if isinstance(value, email.header.Header):
        value = value._chunks[0][0] if len(value._chunks) == 1 else str(value)
    return decode(value.encode("ascii", "surrogateescape"), "") if isinstance(value, str) else value


def texts(message):
    """Yield the text of each part of a message, and of the messages in it."""
    for part in message.walk():
        kind = part.get_content_type()
        if kind in ("message/rfc822", "message/global"):
            if part.is_multipart():
                for inner in part.get_payload():
                    yield " ".join(field(inner, name) for name in ("From", "To", "Cc", "Bcc", "Subject"))
            continue
        if part.get_content_maintype() == "message" and part.is_multipart():  # a report
            for inner in part.get_payload():
                yield "\n".join(name + ": " + str_of(value) for name, value in inner.items())
                yield inner.get_payload() if isinstance(inner.get_payload(), str) else ""
            continue
        if part.is_multipart() or part.get_content_maintype() not in ("text", "multipart", "message"):
            continue
        content = part.get_payload(decode=True)
        if content is None:
            payload = part.get_payload()
            content = payload.encode("utf-8", "surrogateescape") if isinstance(payload, str) else b""
        charset = part.get_content_charset()
        if kind == "text/html" and not charset:
            found = re.search(rb"<meta[^>]*charset=[\"' ]*([^\"' ;/>]+)", content[:1024], re.I)
            charset = found and found.group(1).decode("ascii", "replace")
        text = decode(content, charset)
        if kind == "text/html":
            parser = Text()
            parser.feed(text)
            parser.close()
            text = "".join(parser.text)
        yield text


def words(text):
    """Return the words of a text: runs of letters and digits, without marks."""
    text = unicodedata.normalize("NFKD", text.replace("\u00ad", "").casefold())
    text = "".join(c for c in text if not unicodedata.category(c).startswith("M"))
    return re.findall(r"[^\W_]+", text)


def main():
    for line in sys.stdin:
        path = line.rstrip("\n")
        with open(path, "rb") as file:
            message = email.message_from_binary_file(file, policy=email.policy.compat32)
        found = {"file": path, "header": [], "body": []}
        if {part.get_content_type() for part in message.walk()} & {
                "text/calendar", "text/rtf", "text/enriched", "text/richtext"}:
            found["error"] = "the reference does not read a part of it"
        try:
            found["header"] = sorted(set(words(" ".join(
                field(message, name) for name in ("From", "To", "Cc", "Bcc", "Subject")))))
            found["body"] = sorted(set(words(" ".join(texts(message)))))
        except Exception as error:  # the package fails on some messages
            found["error"] = repr(error)
        print(json.dumps(found))


main()
