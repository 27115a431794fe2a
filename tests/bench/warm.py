#!/usr/bin/env python3
"""Reads a byte of each page of some processes, ten times a second, until it is ended.

    tests/bench/warm.py PID...

Hosts of small virtual machines take memory away that was not touched for a while: then a process pays some 30 µs for each page
that it touches after seconds of waiting, and a benchmark of what comes after a pause measures the host. Linux alone.
"""

import ctypes
import os
import struct
import sys
import time

PAGE = os.sysconf("SC_PAGESIZE")
AT_ONCE = 1024
PAUSE = 0.1
# How often it is asked which pages there are.
LISTED_EVERY = 50


class Piece(ctypes.Structure):
    _fields_ = [("address", ctypes.c_void_p), ("length", ctypes.c_size_t)]


def present(pid):
    """The addresses of the pages that a process has in memory."""
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/pagemap", "rb", buffering=0) as pages:
        for line in maps:
            place, mode = line.split()[:2]
            begin, end = (int(part, 16) for part in place.split("-"))
            if "r" not in mode or begin >= 1 << 47:
                continue
            pages.seek(begin // PAGE * 8)
            entries = pages.read((end - begin) // PAGE * 8)
            for number, (entry,) in enumerate(struct.iter_unpack("=Q", entries)):
                if entry >> 63:
                    yield begin + number * PAGE


def touch(pid, addresses):
    read = ctypes.CDLL(None).process_vm_readv
    bytes_read = ctypes.create_string_buffer(AT_ONCE)
    here = Piece(ctypes.addressof(bytes_read), AT_ONCE)
    for start in range(0, len(addresses), AT_ONCE):
        chosen = addresses[start : start + AT_ONCE]
        there = (Piece * len(chosen))(*((address, 1) for address in chosen))
        read(pid, ctypes.byref(here), 1, there, len(chosen), 0)


def main():
    processes = [int(word) for word in sys.argv[1:]]
    while True:
        pages = {pid: list(present(pid)) for pid in processes}
        for _ in range(LISTED_EVERY):
            for pid, addresses in pages.items():
                touch(pid, addresses)
            time.sleep(PAUSE)


if __name__ == "__main__":
    try:
        main()
    except (KeyboardInterrupt, FileNotFoundError, ProcessLookupError):
        pass
