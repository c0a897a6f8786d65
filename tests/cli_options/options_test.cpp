#include "cli/options.hpp"

#include <gtest/gtest.h>

#include "cli/help.hpp"
#include "command_line.hpp"

namespace plyroot::cli {
namespace {

using Words = std::vector<std::string>;

testing::AssertionResult refused(const Words& words, ExitCode exit_code, const std::string& message) {
  const auto error = refusal(words);
  if (!error) return testing::AssertionFailure() << "understood";
  if (error->exit_code() != exit_code) {
    return testing::AssertionFailure() << "exit code " << static_cast<int>(error->exit_code());
  }
  if (error->what() != message) return testing::AssertionFailure() << error->what();
  return testing::AssertionSuccess();
}

TEST(CommandLine, SayingNothingMeansMocksDefaults) {
  const Options options = parse({"--init"});
  EXPECT_EQ(options.chroot, "default");
  EXPECT_EQ(options.config_directory, "/etc/mock");
  EXPECT_EQ(options.verbosity, 1);
  EXPECT_FALSE(options.use_bootstrap.has_value());
  EXPECT_FALSE(options.isolation.has_value());
}

TEST(CommandLine, EveryOptionReachesItsField) {
  const Options options = parse({"--root",
                                 "r",
                                 "--configdir",
                                 "c",
                                 "--config-opts",
                                 "a=1",
                                 "--config-opts",
                                 "a=2",
                                 "--plugin-option",
                                 "p:k=v",
                                 "--enable-plugin",
                                 "on",
                                 "--disable-plugin",
                                 "off",
                                 "--rootdir",
                                 "root",
                                 "--resultdir",
                                 "result",
                                 "--uniqueext",
                                 "u",
                                 "--arch",
                                 "i686",
                                 "--forcearch",
                                 "s390x",
                                 "--isolation",
                                 "simple",
                                 "--dnf",
                                 "--no-bootstrap-chroot",
                                 "--offline",
                                 "--no-clean",
                                 "--enable-network",
                                 "--unpriv",
                                 "--cwd",
                                 "/tmp",
                                 "--trace",
                                 "--verbose",
                                 "--addrepo",
                                 "url1",
                                 "-a",
                                 "url2",
                                 "--init"});
  EXPECT_EQ(options.chroot, "r");
  EXPECT_EQ(options.config_directory, "c");
  EXPECT_EQ(options.config_opts, (Words{"a=1", "a=2"}));
  EXPECT_EQ(options.plugin_options, Words{"p:k=v"});
  EXPECT_EQ(options.enable_plugins, Words{"on"});
  EXPECT_EQ(options.disable_plugins, Words{"off"});
  EXPECT_EQ(options.repositories, (Words{"url1", "url2"}));
  EXPECT_EQ(options.rootdir, "root");
  EXPECT_EQ(options.resultdir, "result");
  EXPECT_EQ(options.uniqueext, "u");
  EXPECT_EQ(options.arch, "i686");
  EXPECT_EQ(options.forcearch, "s390x");
  EXPECT_EQ(options.isolation, "simple");
  EXPECT_EQ(options.package_manager, "dnf");
  EXPECT_EQ(options.use_bootstrap, false);
  EXPECT_EQ(options.working_directory, "/tmp");
  EXPECT_EQ(options.verbosity, 2);
  EXPECT_TRUE(options.offline && options.no_clean && options.enable_network && options.unprivileged && options.trace);
}

TEST(CommandLine, EveryOptionOfABuildReachesItsField) {
  const Options options = parse({"--rebuild",
                                 "a.src.rpm",
                                 "-D",
                                 "a 1",
                                 "--define=b 2",
                                 "--with",
                                 "x",
                                 "--with=y",
                                 "--without",
                                 "z",
                                 "--nocheck",
                                 "--target",
                                 "i686",
                                 "--macro-file",
                                 "macros",
                                 "--rpmbuild-opts=--nodebuginfo",
                                 "--rpmbuild_timeout",
                                 "60",
                                 "--additional-package",
                                 "git",
                                 "--additional-package",
                                 "foo >= 1.0",
                                 "--postinstall",
                                 "--cleanup-after",
                                 "-N"});
  EXPECT_EQ(options.macros, (Words{"a 1", "b 2"}));
  EXPECT_EQ(options.rpm_with, (Words{"x", "y"}));
  EXPECT_EQ(options.rpm_without, Words{"z"});
  EXPECT_EQ(options.rpmbuild_arch, "i686");
  EXPECT_EQ(options.macrofile, "macros");
  EXPECT_EQ(options.rpmbuild_opts, "--nodebuginfo");
  EXPECT_EQ(options.rpmbuild_timeout, 60);
  EXPECT_EQ(options.additional_packages, (Words{"git", "foo >= 1.0"}));
  EXPECT_TRUE(options.no_check && options.post_install);
  EXPECT_EQ(options.cleanup_after, false);
}

TEST(CommandLine, OptionsAndArgumentsMix) {
  const Options options = parse({"a", "--install", "b", "-r", "x", "c"});
  EXPECT_EQ(options.mode, Mode::install);
  EXPECT_EQ(options.arguments, (Words{"a", "b", "c"}));
  EXPECT_EQ(options.chroot, "x");
}

TEST(CommandLine, NothingAfterTheSeparatorIsAnOption) {
  const Options options = parse({"--install", "--", "-r", "--clean"});
  EXPECT_EQ(options.mode, Mode::install);
  EXPECT_EQ(options.arguments, (Words{"-r", "--clean"}));
}

TEST(CommandLine, PosixlyCorrectChangesNothing) {
  setenv("POSIXLY_CORRECT", "1", 1);
  const Options options = parse({"--install", "a", "-n"});
  unsetenv("POSIXLY_CORRECT");
  EXPECT_TRUE(options.no_clean);
}

TEST(CommandLine, ALoneDashIsAnArgument) {
  EXPECT_EQ(parse({"--install", "-"}).arguments, Words{"-"});
}

TEST(CommandLine, RepositoriesAreEnabledAndDisabledInTheirOrder) {
  EXPECT_EQ(parse({"--init", "--enablerepo", "a", "--disablerepo=*", "--enablerepo", "b"}).enable_disable_repos,
            (Words{"--enablerepo", "a", "--disablerepo", "*", "--enablerepo", "b"}));
}

TEST(CommandLine, TheLastVerbosityCounts) {
  EXPECT_EQ(parse({"--init", "-v", "-q"}).verbosity, 0);
  EXPECT_EQ(parse({"--init", "-q", "-v"}).verbosity, 2);
}

TEST(Values, AreTakenAsArgparseTakesThem) {
  for (const Words& words : {Words{"--root", "x"}, {"--root=x"}, {"-r", "x"}, {"-rx"}, {"-r=x"}}) {
    Words line = words;
    line.push_back("--init");
    EXPECT_EQ(parse(line).chroot, "x") << words.front();
  }
  EXPECT_EQ(parse({"--init", "--unique=x"}).uniqueext, "x");
  EXPECT_EQ(parse({"--init", "--root==x"}).chroot, "=x");
  EXPECT_EQ(parse({"--init", "--root="}).chroot, "");
  EXPECT_EQ(parse({"--init", "-vr", "x"}).chroot, "x");
}

TEST(Values, AnOptionIsNone) {
  EXPECT_TRUE(refused({"--root", "--init"}, ExitCode::usage, "--root needs a value: CONFIG"));
  EXPECT_TRUE(refused({"-r", "--", "x"}, ExitCode::usage, "--root needs a value: CONFIG"));
  EXPECT_TRUE(refused({"--init", "-r"}, ExitCode::usage, "--root needs a value: CONFIG"));
  EXPECT_EQ(parse({"--root=--init", "--clean"}).chroot, "--init");
  EXPECT_EQ(parse({"--root", "-", "--clean"}).chroot, "-");
}

TEST(Values, MayBeginWithADashWhereTheyHaveABlankAndNoOptionBeginsSo) {
  EXPECT_EQ(parse({"a", "--rpmbuild-opts", "--noclean --nodebuginfo"}).rpmbuild_opts, "--noclean --nodebuginfo");
  EXPECT_EQ(parse({"a", "--rpmbuild-opts", "--define 'x 1'"}).rpmbuild_opts, "--define 'x 1'");
  for (const char* option : {"--define=x 1", "-D x", "--nodebuginfo"}) {
    EXPECT_TRUE(refused({"a", "--rpmbuild-opts", option}, ExitCode::usage, "--rpmbuild-opts needs a value: OPTIONS"))
        << option;
  }
}

TEST(Values, ThatNoBuildCouldUseAreRefused) {
  EXPECT_TRUE(refused({"a", "--target=i686,x86_64"}, ExitCode::usage,
                      "--target option accepts only one arch. Invalid: i686,x86_64"));
  EXPECT_TRUE(refused({"a", "--target="}, ExitCode::usage, "--target option accepts only one arch. Invalid: "));
  EXPECT_TRUE(refused({"a", "--with", "x y"}, ExitCode::usage, "'x y' is no name of a conditional"));
  EXPECT_TRUE(refused({"a", "--without="}, ExitCode::usage, "'' is no name of a conditional"));
  EXPECT_TRUE(refused({"a", "--macro-file="}, ExitCode::usage, "--macro-file needs the name of a file"));
  EXPECT_TRUE(refused({"a", "--additional-package=-y"}, ExitCode::usage, "'-y' is no package to install"));
  for (const std::string value : {"", "soon", "-1", "1.5", "2 ", "99999999999"}) {
    EXPECT_TRUE(refused({"a", "--rpmbuild_timeout=" + value}, ExitCode::usage,
                        "--rpmbuild_timeout takes a whole number of seconds, but was given '" + value + "'"));
  }
}

TEST(Values, AreRefusedWhereNoneIsTaken) {
  EXPECT_TRUE(refused({"--init=3"}, ExitCode::usage, "--init takes no value"));
}

TEST(Command, TheLastCounts) {
  EXPECT_EQ(parse({"--clean", "--init"}).mode, Mode::init);
  EXPECT_EQ(parse({"--init", "--clean"}).mode, Mode::clean);
}

TEST(Command, ScrubCountsBeforeTheOthers) {
  EXPECT_EQ(parse({"--scrub=all", "--init"}).mode, Mode::scrub);
  EXPECT_EQ(parse({"--init", "--scrub=all"}).mode, Mode::scrub);
}

TEST(Command, PrintingThePathCountsBeforeAllAndThenListing) {
  EXPECT_EQ(parse({"-p", "-l", "--shell"}).mode, Mode::print_root_path);
  EXPECT_EQ(parse({"--scrub", "all", "-l", "--shell"}).mode, Mode::list_snapshots);
}

TEST(Command, OnlyTheAnswerIsSaidWhereItIsThePoint) {
  EXPECT_EQ(parse({"-v", "-p"}).verbosity, 0);
  EXPECT_EQ(parse({"-l", "-v"}).verbosity, 0);
}

TEST(Command, HelpAndVersionEndTheLine) {
  EXPECT_EQ(parse({"--chroot", "ls", "-h", "--no-such-option"}).mode, Mode::help);
  EXPECT_EQ(parse({"--version", "--no-such-option"}).mode, Mode::version);
  EXPECT_EQ(parse({"-p", "--help"}).mode, Mode::help);
}

TEST(Command, MayBeTheFirstWord) {
  EXPECT_EQ(parse({"init"}).mode, Mode::init);
  EXPECT_EQ(parse({"-r", "x", "rollback-to", "a"}).mode, Mode::rollback);
  EXPECT_EQ(parse({"chroot", "--", "ls", "-l"}).arguments, (Words{"ls", "-l"}));
  EXPECT_EQ(parse({"a.src.rpm"}).mode, Mode::rebuild);
  EXPECT_EQ(parse({"a.src.rpm", "init", "--resultdir", "r"}).arguments, (Words{"a.src.rpm", "init"}));
}

TEST(Command, IsNoWordBesideACommandOrBehindTheSeparator) {
  EXPECT_EQ(parse({"--install", "init"}).arguments, Words{"init"});
  EXPECT_EQ(parse({"--", "init"}).mode, Mode::rebuild);
  EXPECT_EQ(parse({"--", "init"}).arguments, Words{"init"});
}

TEST(Command, ScrubTakesItsTypesAsWordsToo) {
  const Options options = parse({"scrub", "overlayfs", "cache"});
  EXPECT_EQ(options.mode, Mode::scrub);
  EXPECT_EQ(options.scrub_types, (std::vector{ScrubType::overlayfs, ScrubType::cache}));
  EXPECT_TRUE(options.arguments.empty());
  EXPECT_TRUE(refused({"scrub"}, ExitCode::missing_argument, "--scrub needs TYPE"));
  EXPECT_TRUE(refused({"scrub", "it"}, ExitCode::usage, "--scrub does not know 'it'"));
}

TEST(Command, IsRebuildWhereNoneIsGiven) {
  EXPECT_EQ(parse({"a.src.rpm"}).mode, Mode::rebuild);
  EXPECT_TRUE(
      refused({}, ExitCode::missing_argument, "nothing to do: neither a command nor a source package was given"));
}

TEST(Command, RebuildsSeveralPackagesIntoAResultDirectoryOfTheirOwn) {
  EXPECT_EQ(parse({"--rebuild", "a", "b", "--resultdir=r"}).arguments, (Words{"a", "b"}));
  EXPECT_TRUE(
      refused({"--rebuild", "a", "b"}, ExitCode::usage, "Must specify --resultdir when building multiple RPMS."));
  EXPECT_FALSE(refusal({"--installdeps", "a", "b"}));
}

TEST(Command, BuildsASourcePackageOfASpecFileAndItsSources) {
  const Options options = parse({"--buildsrpm", "--spec", "a.spec", "--sources=s", "--symlink-dereference"});
  EXPECT_EQ(options.mode, Mode::build_source_package);
  EXPECT_EQ(options.spec, "a.spec");
  EXPECT_EQ(options.sources, "s");
  EXPECT_TRUE(options.dereference_links);
  EXPECT_EQ(parse({"buildsrpm", "--spec", "a.spec"}).mode, Mode::build_source_package);
  EXPECT_TRUE(refused({"--buildsrpm", "--sources", "s"}, ExitCode::usage,
                      "Must specify both --spec and --sources with --buildsrpm"));
  EXPECT_TRUE(refused({"--buildsrpm", "--spec="}, ExitCode::usage, "--spec needs the name of a file"));
}

TEST(Command, RebuildsTheOnePackageThatASpecFileIsFor) {
  EXPECT_EQ(parse({"--spec", "a.spec", "--sources", "s"}).mode, Mode::rebuild);
  EXPECT_EQ(parse({"a.src.rpm", "--spec", "a.spec"}).arguments, Words{"a.src.rpm"});
  EXPECT_TRUE(refused({"--spec", "a.spec"}, ExitCode::missing_argument, "No package specified to rebuild command."));
  for (const Words& more : {Words{"a", "b"}, Words{"a", "--sources=s"}}) {
    Words line{"--spec=a.spec", "--resultdir=r"};
    line.insert(line.end(), more.begin(), more.end());
    EXPECT_TRUE(refused(line, ExitCode::missing_argument, "--spec argument only supported with single srpm."));
  }
}

TEST(Command, TakesSpecFilesAndSourcesOnlyToBuildThem) {
  EXPECT_TRUE(refused({"--init", "--spec=a"}, ExitCode::usage, "--spec goes with --buildsrpm and --rebuild only"));
  EXPECT_TRUE(refused({"a", "--sources=s"}, ExitCode::usage, "--sources goes with --spec only"));
  EXPECT_TRUE(refused({"a", "--spec=a", "--symlink-dereference"}, ExitCode::usage,
                      "--symlink-dereference goes with --sources only"));
}

TEST(Command, InstallsAdditionalPackagesOnlyToRebuild) {
  EXPECT_TRUE(refused({"--installdeps", "a", "--additional-package", "git"}, ExitCode::usage,
                      "The --additional-package option requires the --rebuild mode"));
}

TEST(Command, ForAPackageManagerNamesIt) {
  EXPECT_EQ(parse({"--dnf-cmd", "list", "--yum"}).package_manager, "dnf");
  EXPECT_EQ(parse({"--yum-cmd", "list"}).package_manager, "yum");
  EXPECT_FALSE(parse({"--pm-cmd", "list"}).package_manager.has_value());
}

TEST(Arguments, AreCounted) {
  EXPECT_TRUE(refused({"--snapshot"}, ExitCode::missing_argument, "Requires a snapshot name"));
  EXPECT_TRUE(refused({"--copyin", "a"}, ExitCode::missing_argument, "Must have source and destinations for copyin"));
  EXPECT_TRUE(refused({"--snapshot", "a", "b"}, ExitCode::usage, "--snapshot takes one NAME, but was given 'b' too"));
  EXPECT_TRUE(refused({"--init", "x"}, ExitCode::usage, "--init takes no arguments, but was given 'x'"));
  EXPECT_TRUE(parse({"--update"}).arguments.empty());
}

TEST(AnotherProgram, GetsWhatComesAfterTheSeparator) {
  EXPECT_EQ(parse({"--chroot", "--", "ls", "-la"}).arguments, (Words{"ls", "-la"}));
  EXPECT_EQ(parse({"--chroot", "ls", "--", "-la"}).arguments, (Words{"ls", "--", "-la"}));
  EXPECT_EQ(parse({"--chroot", "--", "ls", "--", "-la"}).arguments, (Words{"ls", "--", "-la"}));
  EXPECT_EQ(parse({"--dnf-cmd", "--", "install", "-y", "a"}).arguments, (Words{"install", "-y", "a"}));
  EXPECT_EQ(parse({"--install", "a", "--", "b"}).arguments, (Words{"a", "b"}));
  EXPECT_TRUE(parse({"--shell", "--"}).arguments.empty());
}

TEST(AnotherProgram, IsNamedWhereItsOptionsWereTakenForPlyroots) {
  for (const Words& words : {Words{"--chroot", "ls", "-l"},
                             {"--chroot", "ls", "--color"},
                             {"shell", "ls", "--color"},
                             {"--dnf-cmd", "install", "-y", "a"}}) {
    const auto error = refusal(words);
    ASSERT_TRUE(error.has_value()) << words.back();
    EXPECT_EQ(error->exit_code(), ExitCode::usage);
    EXPECT_NE(error->advice().find(" -- "), std::string::npos) << error->advice();
  }
}

TEST(WrongOption, IsNamed) {
  EXPECT_TRUE(refused({"--init", "--no-such"}, ExitCode::usage, "unknown option --no-such"));
  EXPECT_TRUE(refused({"--init", "--no-such=3"}, ExitCode::usage, "unknown option --no-such"));
  EXPECT_TRUE(refused({"--init", "-x"}, ExitCode::usage, "unknown option -x"));
  EXPECT_TRUE(refused({"--init", "-vx"}, ExitCode::usage, "unknown option -x"));
  EXPECT_TRUE(refused({"--init", "--a\033[2J"}, ExitCode::usage, "unknown option --a\\x1b[2J"));
}

TEST(WrongOption, AmbiguousAbbreviationsNameTheCandidates) {
  const auto error = refusal({"--debug"});
  ASSERT_TRUE(error.has_value());
  EXPECT_STREQ(error->what(), "--debug is ambiguous");
  EXPECT_EQ(error->exit_code(), ExitCode::usage);
  EXPECT_EQ(error->advice(), "It could be one of --debug-config, --debug-config-expanded.");
  EXPECT_EQ(parse({"--debug-config"}).mode, Mode::debug_config);
  EXPECT_EQ(parse({"--debug-config-e"}).mode, Mode::debug_config_expanded);
}

TEST(WrongOption, NotThereYetIsRefusedByItsWholeName) {
  EXPECT_TRUE(refused({"--chain", "x"}, ExitCode::usage, "--chain is not there yet in plyroot"));
  EXPECT_TRUE(refused({"--chai"}, ExitCode::usage, "--chain is not there yet in plyroot"));
  EXPECT_TRUE(refused({"chain", "x"}, ExitCode::usage, "--chain is not there yet in plyroot"));
  EXPECT_TRUE(refused({"--init", "-c"}, ExitCode::usage, "--continue is not there yet in plyroot"));
  EXPECT_TRUE(refused({"--init", "--localrepo"}, ExitCode::usage, "--localrepo is not there yet in plyroot"));
}

TEST(WrongOption, IsolationByNspawnIsNotThereYet) {
  EXPECT_TRUE(
      refused({"--init", "--isolation=nspawn"}, ExitCode::usage, "--isolation=nspawn is not there yet in plyroot"));
  EXPECT_TRUE(refused({"--init", "--isolation=x"}, ExitCode::usage, "--isolation does not know 'x'"));
}

TEST(WrongOption, WaitGoesWithWhatDropsSomething) {
  EXPECT_TRUE(parse({"--clean", "--wait"}).wait);
  EXPECT_TRUE(parse({"--wait", "--scrub=all"}).wait);
  EXPECT_TRUE(refused({"--init", "--wait"}, ExitCode::usage, "--wait goes with --clean and --scrub only"));
}

TEST(ScrubTypes, KeepTheirNames) {
  for (const std::string name :
       {"all", "chroot", "bootstrap", "cache", "root-cache", "c-cache", "yum-cache", "dnf-cache", "lvm", "overlayfs"}) {
    const Options options = parse({"--scrub", name});
    ASSERT_EQ(options.scrub_types.size(), 1U);
    EXPECT_EQ(scrub_type_name(options.scrub_types.front()), name);
  }
}

TEST(Version, IsOneLine) {
  EXPECT_EQ(version_text(), "plyroot " PLYROOT_VERSION "\n");
}

}  // namespace
}  // namespace plyroot::cli
