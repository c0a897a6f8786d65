#include "linux/socket.hpp"

#include <gtest/gtest.h>

namespace plyroot::linux_api {

TEST(ReceiveMessage, GetsTheLastWordsOfWhoeverWentWithoutListening) {
  auto [ours, theirs] = socket_pair();
  ASSERT_TRUE(send_message(theirs.get(), "the reason"));
  ASSERT_TRUE(send_message(ours.get(), "never read"));
  theirs.reset();
  const auto received = receive_message(ours.get());
  ASSERT_TRUE(received);
  EXPECT_EQ(received->text, "the reason");
  EXPECT_FALSE(receive_message(ours.get()));
}

TEST(ReceiveMessage, SaysThatTheOtherEndIsGone) {
  auto [ours, theirs] = socket_pair();
  ASSERT_TRUE(send_message(ours.get(), "never read"));
  theirs.reset();
  EXPECT_FALSE(receive_message(ours.get()));
}

}  // namespace plyroot::linux_api
