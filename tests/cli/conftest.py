from plyroot_on_disk import disk, distribution, empty, initialized, pytest_collection_modifyitems, root  # noqa: F401
