//! The words after `landfall`, as clap reads them.

mod acting;
mod approving;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

pub use acting::{
    Actions, Audit, Diagnose, ListActions, OfRun, OneRun, Place, Run, Runs, ShowAction, ShowAudit,
    Tried,
};
pub use approving::{Approvals, Approve, Cluster};

/// What the exit codes mean that scripts branch on, as each command's --help says it.
mod exits {
    pub const WHY: &str = "Exit codes: 0 settled (deployed, superseded or not affected), 1 on its way, 2 blocked, rolled back or\nreverted, 3 unknown or not all of it could be asked, 64 the question itself cannot be answered.";
    pub const BOARD: &str = "Exit codes: 0 it was read, and what could not be asked is named in it; 3 nothing could be read, or nobody\nis signed in; 64 the words, or a file that they name, are not what they should be.";
    pub const DOCTOR: &str = "Exit codes: 0 every system answers, 3 one does not, or nobody is signed in; 64 the words, or a file that they\nname, are not what they should be.";
    pub const CHANGES: &str = "Exit codes: 0 it was read; 3 nothing could be asked, or nobody is signed in; 64 the words, or a file that they\nname, are not what they should be.";
    pub const SIGN_IN: &str = "Exit codes: 0 you are signed in; 3 nobody signed in, or who signs people in does not answer; 64 the words,\nor a file that they name, are not what they should be.";
    pub const SIGN_OUT: &str = "Exit codes: 0 nobody is signed in any more; 3 the provider was not told, or what is kept could not be deleted;\n64 the words, or a file that they name, are not what they should be.";
    pub const ALLOW: &str = "Exit codes: 0 it is allowed, or there is nothing to allow; 64 it was not allowed, or the words, or a file that\nthey name, are not what they should be.";
    pub const TEAM_INIT: &str = "Exit codes: 0 it was proposed, and what was not seen is named; 3 nothing answered; 64 the words, or a file\nthat they name, are not what they should be, or the folder cannot be written to.";
    pub const TEAM_CHECK: &str = "Exit codes: 0 nothing is missing, remarks (!) aside; 2 something is; 3 nothing is that can be told, and\nsomething cannot; 64 there is no team file, or it cannot be used.";
    pub const TEAM_JOIN: &str = "Exit codes: 0 you joined; 3 the team file could not be fetched; 64 it is not to be believed, its fingerprint\nwas not confirmed, or the words are not what they should be.";
    pub const TEAM_UPDATE: &str = "Exit codes: 0 the newest team file is here; 3 it could not be fetched; 64 it is not to be believed, or no team\nwas joined. The file that is here stays then.";
    pub const TEAM_LEAVE: &str = "Exit codes: 0 no team is kept here; 3 the sign-in could not be ended, and the team stays; 64 what is kept\ncannot be deleted.";
    pub const TEAM_FILES: &str = "Exit codes: 0 it was written; 64 it was not: the words, or a file that they name, are not what they should be.";
}

/// Why isn't my commit deployed yet?
#[derive(Parser)]
#[command(
    name = "landfall",
    version,
    about = "Why isn't my commit deployed yet?",
    max_term_width = 100,
    after_help = "A command's own --help says what its exit codes mean."
)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Subcommand)]
pub enum Command {
    /// Says where a commit is and why it goes no further
    #[command(after_help = exits::WHY)]
    Why(Why),
    /// Shows every app in every environment
    #[command(after_help = exits::BOARD)]
    Board(Board),
    /// Tells what was deployed, rolled back or changed, and by whom
    #[command(after_help = exits::CHANGES)]
    Changes(Changes),
    /// Lists what could not be linked to source, with what would fix it
    #[command(after_help = exits::BOARD)]
    Coverage(Coverage),
    /// Says which systems answer, as whom, what may not be read there and who could grant it; exports a diagnostic bundle
    #[command(after_help = exits::DOCTOR)]
    Doctor(Doctor),
    /// Gathers what is known of an app or an object, with events and logs and without secrets, as one report; changes nothing
    #[command(after_help = acting::DIAGNOSE_EXITS)]
    Diagnose(Box<Diagnose>),
    /// Plans an action on an app or an object, and runs it once you mean it
    #[command(after_help = acting::RUN_EXITS)]
    Run(Run),
    /// Lists the actions there are, tells about one, tests your own
    #[command(subcommand)]
    Actions(Actions),
    /// Lists the runs of this machine; looks at one that broke off, or closes it
    Runs(Runs),
    /// Lists what waits for another person's approval
    #[command(after_help = approving::APPROVALS_EXITS)]
    Approvals(Approvals),
    /// Approves what somebody else asks for, once its plan was made and read here
    #[command(after_help = approving::APPROVE_EXITS)]
    Approve(Box<Approve>),
    /// What a cluster needs for approvals and locks
    #[command(subcommand)]
    Cluster(Cluster),
    /// Checks or prints the record of what was run on this machine
    #[command(subcommand)]
    Audit(Audit),
    /// Signs you in, with your browser or with a code; at a code host, too
    #[command(after_help = exits::SIGN_IN)]
    SignIn(SignIn),
    /// Signs you out, on this machine and at the provider
    #[command(after_help = exits::SIGN_OUT)]
    SignOut(SignOut),
    /// Shows the command that a kubeconfig context wants to run for signing in, and allows exactly that one
    #[command(after_help = exits::ALLOW)]
    Allow(Allow),
    /// Joins a team by its team file; makes and signs one
    #[command(subcommand)]
    Team(Team),
    /// The embedded company
    #[command(subcommand)]
    Sandbox(Sandbox),
    /// The embedded company's board and its most telling journey (what `./dev run` shows without a display)
    #[command(hide = true)]
    Tour(Tour),
}

impl Command {
    /// Whether the command was asked for JSON, so that its errors are JSON too.
    pub fn json(&self) -> bool {
        match self {
            Self::Why(why) => why.json,
            Self::Board(board) => board.json,
            Self::Changes(changes) => changes.json,
            Self::Coverage(coverage) => coverage.json,
            Self::Doctor(doctor) => doctor.json,
            Self::Diagnose(diagnose) => diagnose.json,
            Self::Run(run) => run.json,
            Self::Actions(Actions::List(list)) => list.json,
            Self::Runs(runs) => runs.json,
            Self::Approvals(list) => list.json,
            Self::Approve(approve) => approve.json,
            Self::Cluster(_) => false,
            Self::Audit(Audit::Show(show)) => show.json,
            Self::Actions(_) | Self::Audit(_) => false,
            Self::SignIn(_) | Self::SignOut(_) | Self::Allow(_) | Self::Team(_) => false,
            Self::Sandbox(Sandbox::List(list)) => list.json,
            Self::Sandbox(Sandbox::Serve(_)) | Self::Tour(_) => false,
        }
    }
}

/// Which systems to ask.
#[derive(Args)]
pub struct Systems {
    /// The kubeconfig [default: KUBECONFIG, else ~/.kube/config]
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// Only this context; may be given several times [default: all]
    #[arg(long, value_name = "NAME")]
    pub context: Vec<String>,
    /// The team file [default: that of the team that was joined, where no kubeconfig or context is named]
    #[arg(long, value_name = "FILE")]
    pub team: Option<PathBuf>,
    /// Signs in with the browser first if nobody is signed in: for where no keyring keeps a sign-in, and for being one of
    /// the people of --sandbox
    #[arg(long)]
    pub sign_in: bool,
    /// The same with a code to type on another machine, for where no browser opens either
    #[arg(long)]
    pub code: bool,
    /// Starts the embedded company and asks that
    #[arg(long, conflicts_with_all = ["kubeconfig", "context", "team"])]
    pub sandbox: bool,
    /// The embedded company's seed: renames everything in it
    #[arg(
        long,
        value_name = "NUMBER",
        default_value_t = 1,
        requires = "sandbox",
        // Given with these, the requirement alone is let pass: --sandbox cannot be added to them.
        conflicts_with_all = ["kubeconfig", "context", "team"]
    )]
    pub seed: u64,
    /// How long to wait for slow systems, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    pub patience: u64,
}

/// How somebody signs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// With the browser of this machine.
    Browser,
    /// With a code that is typed on another one.
    Code,
}

impl Systems {
    /// How to sign somebody in first, if that was asked for.
    pub fn way(&self) -> Option<Way> {
        match (self.code, self.sign_in) {
            (true, _) => Some(Way::Code),
            (false, true) => Some(Way::Browser),
            (false, false) => None,
        }
    }
}

/// `landfall why`
#[derive(Args)]
pub struct Why {
    /// A commit (full or short SHA), branch, tag, pull request or CI run (number or link), or an app's name
    #[arg(value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub ask: String,
    /// Only this app
    #[arg(long)]
    pub app: Option<String>,
    /// Only this environment
    #[arg(long)]
    pub env: Option<String>,
    /// Only this source repository, or the end of its address: shop/checkout
    #[arg(long)]
    pub repo: Option<String>,
    /// Prints JSON (docs/JSON.md)
    #[arg(long)]
    pub json: bool,
    /// Goes on until the answer is settled or can only be mended by a person; prints each change
    #[arg(long)]
    pub watch: bool,
    /// Shows every stage and the evidence
    #[arg(long, short)]
    pub verbose: bool,
    /// Where to ask.
    #[command(flatten)]
    pub systems: Systems,
}

/// `landfall board`
#[derive(Args)]
pub struct Board {
    /// Prints JSON (docs/JSON.md)
    #[arg(long)]
    pub json: bool,
    /// Where to ask.
    #[command(flatten)]
    pub systems: Systems,
}

/// `landfall changes`
#[derive(Args)]
pub struct Changes {
    /// Only this environment
    #[arg(long)]
    pub env: Option<String>,
    /// Only this app
    #[arg(long)]
    pub app: Option<String>,
    /// All that is known, not only the newest
    #[arg(long)]
    pub all: bool,
    /// Prints JSON (docs/JSON.md)
    #[arg(long)]
    pub json: bool,
    /// Where to ask.
    #[command(flatten)]
    pub systems: Systems,
}

/// `landfall coverage`
#[derive(Args)]
pub struct Coverage {
    /// Prints JSON (docs/JSON.md)
    #[arg(long)]
    pub json: bool,
    /// Where to ask.
    #[command(flatten)]
    pub systems: Systems,
}

/// `landfall doctor`
#[derive(Args)]
pub struct Doctor {
    /// Lists every right, not only what is missing or cannot be told
    #[arg(long)]
    pub all: bool,
    /// Writes a diagnostic bundle to this file, which must not be there yet: how everything stands, without secrets
    #[arg(long, value_name = "FILE")]
    pub bundle: Option<PathBuf>,
    /// Prints JSON
    #[arg(long)]
    pub json: bool,
    /// Where to ask.
    #[command(flatten)]
    pub systems: Systems,
}

/// `landfall sign-in`
#[derive(Args)]
pub struct SignIn {
    /// Shows a code to type on another machine instead of opening a browser here
    #[arg(long)]
    pub code: bool,
    /// Signs you in at this code host of the team file, or at github.com, with a code to type on its pages
    #[arg(long, value_name = "HOST")]
    pub code_host: Option<String>,
    /// Asks for a token of your own instead, or reads it from standard input
    #[arg(long, requires = "code_host", conflicts_with = "code")]
    pub token: bool,
    /// The team file [default: that of the team that was joined]
    #[arg(long, value_name = "FILE")]
    pub team: Option<PathBuf>,
}

/// `landfall sign-out`
#[derive(Args)]
pub struct SignOut {
    /// Only at this code host: forgets the token that is kept for it
    #[arg(long, value_name = "HOST")]
    pub code_host: Option<String>,
    /// The team file [default: that of the team that was joined]
    #[arg(long, value_name = "FILE")]
    pub team: Option<PathBuf>,
}

/// `landfall allow`
#[derive(Args)]
pub struct Allow {
    /// The context
    #[arg(value_name = "CONTEXT")]
    pub context: String,
    /// The kubeconfig [default: KUBECONFIG, else ~/.kube/config]
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// Allows it without asking if this is its digest
    #[arg(long)]
    pub digest: Option<String>,
}

/// `landfall team`
#[derive(Subcommand)]
pub enum Team {
    /// Proposes a team's files from the clusters and accounts that you can see; changes nothing
    #[command(after_help = exits::TEAM_INIT)]
    Init(Box<Init>),
    /// Says what is missing of a team's set-up: the file, its signature, the provider, the systems; changes nothing
    #[command(after_help = exits::TEAM_CHECK)]
    Check(Check),
    /// Joins a team: reads its file, shows its key's fingerprint, and asks whether it is the right one
    #[command(after_help = exits::TEAM_JOIN)]
    Join(Join),
    /// Reads the team's file anew
    #[command(after_help = exits::TEAM_UPDATE)]
    Update,
    /// Forgets the team on this machine
    #[command(after_help = exits::TEAM_LEAVE)]
    Leave,
    /// Makes the key that a team file is signed with
    #[command(after_help = exits::TEAM_FILES)]
    Key(Key),
    /// Signs a team file
    #[command(after_help = exits::TEAM_FILES)]
    Sign(Sign),
    /// Prints the JSON Schema of team files
    Schema,
}

/// `landfall team check`
#[derive(Args)]
pub struct Check {
    /// The team file [default: that of the team that was joined]
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// How long to wait for slow systems, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    pub patience: u64,
}

/// `landfall team init`
#[derive(Args)]
pub struct Init {
    /// Who signs people in: https://acme.okta.com
    #[arg(long, value_name = "ADDRESS")]
    pub issuer: url::Url,
    /// The application's client id there
    #[arg(long, value_name = "ID")]
    pub client_id: String,
    /// What the team is called
    #[arg(long, default_value = "Our team")]
    pub name: String,
    /// A group of the provider whose members read everything; may be given several times
    #[arg(long, value_name = "NAME")]
    pub group: Vec<String>,
    /// What the API servers put before the provider's groups
    #[arg(long, value_name = "PREFIX", default_value = "okta:")]
    pub group_prefix: String,
    /// The kubeconfig to look in [default: KUBECONFIG, else ~/.kube/config]
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// Only this context; may be given several times [default: all]
    #[arg(long, value_name = "NAME")]
    pub context: Vec<String>,
    /// A region of AWS to look for EKS clusters in; may be given several times
    #[arg(long, value_name = "REGION")]
    pub region: Vec<String>,
    /// The profile of ~/.aws/config to look with [default: the SDK's chain]
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,
    /// Where AWS answers, if not at its own address
    #[arg(long, value_name = "ADDRESS", hide = true)]
    pub endpoint: Option<String>,
    /// The folder to write to; files that are there are left as they are
    #[arg(long, value_name = "FOLDER", default_value = "landfall-team")]
    pub folder: PathBuf,
}

/// `landfall team join`
#[derive(Args)]
pub struct Join {
    /// An https link to the team file, or a path; its signature lies beside it (.minisig)
    #[arg(value_name = "LINK", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub from: String,
    /// The fingerprint that the team says its key has: joins without asking if it is that
    #[arg(long)]
    pub fingerprint: Option<String>,
}

/// `landfall team key`
#[derive(Args)]
pub struct Key {
    /// The file to write it to; never written over
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Without a password: for a machine that signs by itself
    #[arg(long)]
    pub no_password: bool,
}

/// `landfall team sign`
#[derive(Args)]
pub struct Sign {
    /// The team file; the signature is written beside it
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The key
    #[arg(long, value_name = "FILE")]
    pub key: PathBuf,
    /// The key has no password
    #[arg(long)]
    pub no_password: bool,
}

/// `landfall sandbox`
#[derive(Subcommand)]
pub enum Sandbox {
    /// Serves the embedded company until Ctrl-C; prints its kubeconfig and addresses
    Serve(Serve),
    /// Lists its situations: name, what to ask, what is wrong
    List(List),
}

/// `landfall sandbox serve`
#[derive(Args)]
pub struct Serve {
    /// Renames everything in it
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub seed: u64,
    /// The first of its ports; the others follow [default: free ones]
    #[arg(long)]
    pub port: Option<u16>,
    /// Where to write kubeconfig.yaml and team.yaml [default: a temporary folder]
    #[arg(long, value_name = "FOLDER")]
    pub folder: Option<PathBuf>,
}

/// `landfall sandbox list`
#[derive(Args)]
pub struct List {
    /// Renames everything in it
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub seed: u64,
    /// Prints JSON
    #[arg(long)]
    pub json: bool,
}

/// `landfall tour`
#[derive(Args)]
pub struct Tour {
    /// Renames everything in it
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub seed: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every command that does something by itself, with its words.
    fn all<'c>(of: &'c clap::Command, words: &str, found: &mut Vec<(String, &'c clap::Command)>) {
        for one in of.get_subcommands().filter(|one| !one.is_hide_set()) {
            let words = format!("{words} {}", one.get_name());
            if one.has_subcommands() {
                all(one, &words, found);
            } else {
                found.push((words, one));
            }
        }
    }

    #[test]
    fn a_commands_help_was_said_to_tell_exit_codes_that_it_did_not() {
        use clap::CommandFactory;
        let whole = Arguments::command();
        let mut found = Vec::new();
        all(&whole, "landfall", &mut found);
        // Their exit codes are everybody's: 0, or it failed.
        let plain = |words: &str| {
            [
                "schema",
                "sandbox",
                "actions list",
                "actions show",
                "audit show",
                "runs close",
                "cluster manifest",
            ]
            .iter()
            .any(|one| words.contains(one))
        };
        let silent = found.iter().filter(|(words, one)| {
            let help = one.get_after_help().map(ToString::to_string);
            !plain(words) && help.is_none_or(|help| !help.contains("Exit codes"))
        });
        let silent: Vec<&str> = silent.map(|(words, _)| words.as_str()).collect();
        assert!(silent.is_empty(), "{silent:?}");
    }

    #[test]
    fn a_code_is_a_way_to_sign_in_without_saying_so_twice() {
        let way = |words: &[&str]| {
            let words = ["landfall", "board"].iter().chain(words);
            match Arguments::try_parse_from(words).map(|all| all.command) {
                Ok(Command::Board(board)) => board.systems.way(),
                _ => None,
            }
        };
        assert_eq!(way(&[]), None);
        assert_eq!(way(&["--sign-in"]), Some(Way::Browser));
        assert_eq!(way(&["--code"]), Some(Way::Code));
        assert_eq!(way(&["--sign-in", "--code"]), Some(Way::Code));
        assert_eq!(way(&["--sandbox", "--code"]), Some(Way::Code));
    }
}
