#include "support/error.hpp"

#include <gtest/gtest.h>

#include <cerrno>

namespace plyroot {

TEST(SystemError, SaysWhatWasTriedAndTheKernelsReason) {
  const SystemError error(ENOENT, "open /etc/nowhere");
  EXPECT_STREQ(error.what(), "cannot open /etc/nowhere: No such file or directory");
  EXPECT_EQ(error.error_number(), ENOENT);
}

TEST(SystemError, AdvisesToFreeSpaceWhereTheDiskIsFull) {
  EXPECT_NE(SystemError(ENOSPC, "write x").advice().find("free some space"), std::string::npos);
  EXPECT_TRUE(SystemError(EIO, "write x").advice().empty());
}

TEST(ThrowErrno, TakesTheErrnoBeforeAnythingElseChangesIt) {
  errno = EBUSY;
  try {
    throw_errno("unmount", "/somewhere");
  } catch (const SystemError& error) {
    EXPECT_EQ(error.error_number(), EBUSY);
    EXPECT_STREQ(error.what(), "cannot unmount /somewhere: Device or resource busy");
  }
}

}  // namespace plyroot
