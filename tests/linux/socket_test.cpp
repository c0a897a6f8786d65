#include "linux/socket.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <thread>

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

TEST(ReceiveMessage, GetsTheLastWordsOfWhoeverIsJustGoing) {
  for (int round = 0; round < 2000; ++round) {
    auto [ours, theirs] = socket_pair();
    ASSERT_TRUE(send_message(ours.get(), "never read"));
    std::thread other([&theirs = theirs] {
      send_message(theirs.get(), "the reason");
      theirs.reset();
    });
    std::optional<Message> received;
    EXPECT_NO_THROW(received = receive_message(ours.get()));
    other.join();
    ASSERT_TRUE(received);
    EXPECT_EQ(received->text, "the reason");
  }
}

TEST(ReceiveMessage, SaysThatTheOtherEndIsGone) {
  auto [ours, theirs] = socket_pair();
  ASSERT_TRUE(send_message(ours.get(), "never read"));
  theirs.reset();
  EXPECT_FALSE(receive_message(ours.get()));
}

}  // namespace plyroot::linux_api
