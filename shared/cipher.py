"""Encryption of messages: AES-256-GCM (NIST SP 800-38D), its key derived from a group's key by HKDF-SHA256 (RFC 5869).

The nonce is 96 random bits. That any two of 2^32 messages of one key share a nonce has a chance of 2^-33, and would show
how those two differ and no more: what is genuine is not said here, but by the signature around it (`shared/codec.py`).
"""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from shared.errors import ForgedMessage

NONCE_BYTES = 12

_PURPOSE = b"toolmesh message encryption"


class Cipher:
    """Encrypts and decrypts under one key of one group. Never shows the key."""

    __slots__ = ("_aead", "_bound")

    def __init__(self, key: bytes, bound: bytes) -> None:
        """`key`: the group's signing key, which itself encrypts nothing; `bound`: what the derived key, and with it every
        message, is for."""
        info = _PURPOSE + b"|" + bound
        self._aead = AESGCM(HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(key))
        self._bound = bound

    def encrypt(self, plain: bytes) -> tuple[bytes, bytes]:
        """Nonce and ciphertext."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce, self._aead.encrypt(nonce, plain, self._bound)

    def decrypt(self, nonce: bytes, ciphertext: bytes) -> bytes:
        """What was encrypted. Raises ForgedMessage for anything else."""
        try:
            return self._aead.decrypt(nonce, ciphertext, self._bound)
        except (InvalidTag, ValueError) as cause:
            raise ForgedMessage("the message can't be decrypted") from cause
