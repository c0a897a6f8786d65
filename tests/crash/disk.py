"""A file system of its own, which can be full, or lose its power."""

from __future__ import annotations

import fcntl
import os
import struct
import subprocess
import time
from pathlib import Path

SHUTDOWN = 0x8004587D  # EXT4_IOC_SHUTDOWN and XFS_IOC_GOINGDOWN: _IOR('X', 125, __u32)
NO_LOG_FLUSH = 2
MAKE = {"ext4": ["mkfs.ext4", "-q", "-F", "-O", "has_journal"], "xfs": ["mkfs.xfs", "-q", "-f"]}


class Disk:
    """A file system on a loop image, whose power can be cut."""

    def __init__(self, kind: str, directory: Path, megabytes: int = 512):
        directory.mkdir()
        image = directory / "image"
        self.path = directory / "disk"
        self.path.mkdir()
        with open(image, "wb") as file:
            file.truncate(megabytes << 20)
        subprocess.run([*MAKE[kind], image], check=True)
        self.device = subprocess.run(["losetup", "--find", "--show", image], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
        self.held = os.open(self.device, os.O_RDWR)
        subprocess.run(["losetup", "-d", self.device], check=True)  # it goes with the descriptor, whatever happens
        self.attach()

    def attach(self):
        subprocess.run(["mount", self.device, self.path], check=True)

    def cut(self):
        top = os.open(self.path, os.O_RDONLY)
        fcntl.ioctl(top, SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
        os.close(top)

    def detach(self):
        for _ in range(1000):  # what used it was killed, and may take a moment to have gone
            done = subprocess.run(["umount", self.path], capture_output=True, text=True)
            if done.returncode == 0:
                return self.wait_until_unmounted_everywhere()
            time.sleep(0.01)
        raise AssertionError(f"the disk is still in use: {done.stderr}")

    def wait_until_unmounted_everywhere(self):
        """A mount namespace that another test has made from ours has a copy of the mount until it ends; mounting the disk
        anew would only show the file system that was shut down."""
        for _ in range(3000):
            try:
                os.close(os.open(self.device, os.O_RDONLY | os.O_EXCL))  # EBUSY where it is mounted, wherever that is
                return
            except OSError:
                time.sleep(0.01)
        raise AssertionError("the disk is still mounted in another mount namespace")

    def close(self):
        subprocess.run(["umount", "-l", self.path], capture_output=True)
        os.close(self.held)
