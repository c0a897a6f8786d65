#pragma once

#include <functional>
#include <string>

#include "buildroot/root.hpp"

namespace plyroot::buildroot {

/// Who fills an empty root: the package manager.
class Installer {
 public:
  Installer() = default;
  virtual ~Installer() = default;
  Installer(const Installer&) = delete;
  Installer& operator=(const Installer&) = delete;

  /// Writes its own configuration into the root. Called for each command that may install, before it does.
  virtual void configure(Session& session) = 0;
  /// Installs what a root begins with (chroot_setup_cmd). @throws Error (package_manager)
  virtual void install_base(Session& session) = 0;
  /// What a root's first packages depend on: changes when the configuration does so.
  [[nodiscard]] virtual std::string origin() const = 0;
};

/// What a command does between its own beginning and the root's being ready for it. One of the two is called.
struct BeforeWork {
  std::function<void()> installing;      ///< before anything is installed into the root
  std::function<void()> while_entering;  ///< where nothing is to be installed: while the session is set up, or joined
};

/// A session of a root that has its packages: installs them first where it has none, and makes the snapshot `postinit`
/// of it if there is none. Of several commands that find an empty root at once one installs, the others wait and start
/// from its postinit. Where an installation fails nothing of it stays.
/// @param use_note as Root::enter()
/// @throws Error
Session enter_initialized(Root& root, Installer& installer, const BeforeWork& before,
                          Store::UseNoteSync use_note = Store::UseNoteSync::at_once);

/// The snapshot that is made by itself when a root has been initialised.
inline constexpr const char* postinit_name = "postinit";

}  // namespace plyroot::buildroot
