"""Bytes to text whatever they claim to be: mail names character sets that do not exist, or others than it uses."""

import re
import unicodedata
from encodings import aliases

_NO_TEXT = {"base64_codec", "bz2_codec", "hex_codec", "quopri_codec", "rot_13", "uu_codec", "zlib_codec", "mbcs", "oem", "tactis"}
_KNOWN = ({*aliases.aliases.values(), *aliases.aliases} - _NO_TEXT) | {"utf_8_sig", "utf_16_le", "utf_16_be"}
# What senders write for what they use; the wider set is a superset of the named one.
_MEANT = {
    "iso_8859_1": "cp1252",
    "latin_1": "cp1252",
    "latin1": "cp1252",
    "us_ascii": "cp1252",
    "ascii": "cp1252",
    "ansi_x3.4_1968": "cp1252",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "x_gbk": "gb18030",
    "ks_c_5601_1987": "cp949",
    "euc_kr": "cp949",
    "shift_jis": "cp932",
    "x_sjis": "cp932",
    "iso_2022_jp": "iso2022_jp_ext",
    "iso_8859_8_i": "iso8859_8",
    "iso_8859_8_e": "iso8859_8",
    "iso_8859_9": "cp1254",
    "unicode_1_1_utf_7": "utf_7",
    "utf8mb4": "utf_8",
    "x_mac_roman": "mac_roman",
    "macintosh": "mac_roman",
    "x_unknown": "",
    "unknown_8bit": "",
    "default": "",
}
_DROPPED = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b\u2060\ufeff\ud800-\udfff\ufffe\uffff]")


def decode(data: bytes, charset: str | None) -> str:
    """The text of some bytes; UTF-8 that calls itself something narrower is read as what it is. Never raises."""
    name = _codec(charset)
    if name in ("", "cp1252", "utf_8"):
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError:
            name = "cp1252" if name != "utf_8" or _is_no_utf8(data) else name
    try:
        return data.decode(name, "replace")
    except (LookupError, ValueError):
        return data.decode("cp1252", "replace")


def _is_no_utf8(data: bytes) -> bool:
    """True when bytes that call themselves UTF-8 hold more that is none than that is: then they are Windows-1252, and no letter is lost."""
    wide = [c for c in data.decode("utf-8", "replace") if c > "\x7f"]
    return wide.count("\ufffd") * 2 > len(wide)


def _codec(charset: str | None) -> str:
    name = re.sub(r"[^a-z0-9.]+", "_", (charset or "").strip().strip("\"'").lower()[:60]).strip("_")
    name = _MEANT.get(name, name)
    if name in ("utf_8", "utf8", "u8"):
        return "utf_8"
    spelled = aliases.aliases.get(name, name)
    if spelled in _KNOWN or re.fullmatch(r"iso8859_\d{1,2}|cp\d{3,5}|koi8_[rut]|utf_(7|16|32)", spelled):
        return _MEANT.get(spelled, spelled)
    return ""


def tidy(text: str) -> str:
    r"""Text with ``\n`` line ends, without control characters, zero-width marks and halves of characters; spaces as spaces."""
    plain = text.replace("\r\n", "\n").replace("\r", "\n").replace("\x85", "\n").replace("\u2028", "\n").replace("\u2029", "\n\n")
    return _DROPPED.sub("", plain).replace("\xa0", " ")


def one_line(text: str, limit: int) -> str:
    """Text for one line: no line breaks, no steering marks, at most ``limit`` characters."""
    plain = "".join(c for c in tidy(text[: limit * 4]) if c.isspace() or unicodedata.category(c) not in ("Cf", "Cc", "Co", "Cs", "Cn"))
    return " ".join(plain.split())[:limit].rstrip()
