"""The exceptions that a plugin finds in mock: their names and exit codes."""


class Error(Exception):
    resultcode = 1

    def __init__(self, message, resultcode=None):
        super().__init__(message)
        self.resultcode = resultcode if resultcode is not None else type(self).resultcode


class RootError(Error):
    resultcode = 20


class BuildRootLocked(Error):
    resultcode = 60


class BadCmdline(Error):
    resultcode = 5


class ConfigError(Error):
    resultcode = 3


class ResultDirNotAccessible(Error):
    resultcode = 70


class UnshareFailed(Error):
    resultcode = 80
