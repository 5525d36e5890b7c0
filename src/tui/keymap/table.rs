//! The table itself.

/// A pane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// The conversation and its composer.
    Chat,
    /// The proposal.
    Diff,
    /// Output of gates and commands.
    Log,
    /// The tasks side by side.
    Tasks,
}

impl Place {
    /// All panes, in the order of Tab.
    pub const ALL: [Self; 4] = [Self::Chat, Self::Diff, Self::Log, Self::Tasks];
}

/// Where a key is pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// In a pane.
    Pane(Place),
    /// In the commit dialog, which lies over the panes.
    Dialog,
}

impl From<Place> for Scope {
    fn from(place: Place) -> Self {
        Self::Pane(place)
    }
}

/// A set of panes and dialogs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Places(u8);

impl Places {
    /// Everywhere.
    pub const ANYWHERE: Self = Self(0b1111);
    /// The chat pane.
    pub const CHAT: Self = Self(0b0001);
    /// The diff pane.
    pub const DIFF: Self = Self(0b0010);
    /// The log pane.
    pub const LOG: Self = Self(0b0100);
    /// The tasks pane.
    pub const TASKS: Self = Self(0b1000);
    /// Every pane where letters are keys and not text.
    pub const LISTS: Self = Self(0b1110);
    /// Diff and log.
    pub const READING: Self = Self(0b0110);
    /// The commit dialog.
    pub const DIALOG: Self = Self(0b1_0000);
    /// Where a message is written.
    pub const WRITING: Self = Self(0b1_0001);

    /// The sets in the order of the documentation.
    pub const GROUPS: &'static [(&'static str, Self)] = &[
        ("Anywhere", Self::ANYWHERE),
        ("Chat and commit dialog", Self::WRITING),
        ("Chat", Self::CHAT),
        ("Diff, log and tasks", Self::LISTS),
        ("Diff and log", Self::READING),
        ("Diff", Self::DIFF),
        ("Commit dialog", Self::DIALOG),
        ("Log", Self::LOG),
        ("Tasks", Self::TASKS),
    ];

    /// Whether a pane or dialog is in the set.
    pub fn holds(self, scope: impl Into<Scope>) -> bool {
        let bit = match scope.into() {
            Scope::Pane(Place::Chat) => Self::CHAT,
            Scope::Pane(Place::Diff) => Self::DIFF,
            Scope::Pane(Place::Log) => Self::LOG,
            Scope::Pane(Place::Tasks) => Self::TASKS,
            Scope::Dialog => Self::DIALOG,
        };
        self.0 & bit.0 != 0
    }
}

/// One line of the table.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// What happens.
    pub action: Action,
    /// Its name, for the key map file and the palette.
    pub name: &'static str,
    /// What it does, in a sentence without a full stop.
    pub doc: &'static str,
    /// The default keys.
    pub keys: &'static [&'static str],
    /// Where they work.
    pub places: Places,
    /// The word in the footer; empty where the footer does not show it.
    pub footer: &'static str,
}

macro_rules! keys {
    ($($action:ident $name:literal $places:ident [$($key:literal)*] $footer:literal $doc:literal;)*) => {
        /// What a key can ask for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Action {
            $(#[doc = $doc] $action,)*
        }

        /// Every action with its keys.
        pub const KEYS: &[Entry] = &[
            $(Entry {
                action: Action::$action,
                name: $name,
                doc: $doc,
                keys: &[$($key),*],
                places: Places::$places,
                footer: $footer,
            },)*
        ];
    };
}

keys! {
    Send "send" WRITING ["Enter"] "send" "Send or queue the message; in the dialog, commit";
    Newline "newline" WRITING ["Alt-Enter" "Ctrl-j" "Shift-Enter"] "newline" "Start a new line in the message";
    HistorySearch "history-search" CHAT ["Ctrl-r"] "" "Search the messages sent before";
    EditMessage "edit-message" WRITING ["Ctrl-g"] "" "Edit the message in $EDITOR";
    Stop "stop" CHAT ["Esc"] "stop" "Interrupt what runs, or clear the message";
    ChatPageUp "chat-page-up" CHAT ["PageUp" "Ctrl-b"] "" "Scroll the conversation a page up";
    ChatPageDown "chat-page-down" CHAT ["PageDown" "Ctrl-f"] "" "Scroll the conversation a page down";
    ChatUp "chat-up" CHAT ["Ctrl-Up" "Alt-Up"] "" "Scroll the conversation a line up";
    ChatDown "chat-down" CHAT ["Ctrl-Down" "Alt-Down"] "" "Scroll the conversation a line down";
    ChatTop "chat-top" CHAT ["Ctrl-Home"] "" "Go to the beginning of the conversation";
    ChatBottom "chat-bottom" CHAT ["Ctrl-End"] "" "Go to the end of the conversation and follow it";
    Unfold "unfold" CHAT ["Ctrl-o"] "" "Show or fold thinking and the output of tools";
    CopyAnswer "copy-answer" CHAT ["Alt-y"] "" "Copy the last answer";

    Accept "accept" DIFF ["a"] "accept" "Accept the hunk, or the selected lines of it";
    Reject "reject" DIFF ["r"] "reject" "Reject the hunk, or the selected lines of it";
    EditHunk "edit-hunk" DIFF ["e"] "edit" "Edit the hunk in $EDITOR";
    Comment "comment" DIFF ["c"] "comment" "Comment on the line; with ? first or last it is asked at once";
    SelectLine "select-line" DIFF ["Space"] "line" "Select or deselect the line";
    Commit "commit" DIFF ["Enter"] "commit" "Open the commit dialog";
    UndoCommit "undo" DIFF ["u"] "undo" "Take the last commit of this session back";
    RedoCommit "redo" DIFF ["Ctrl-r"] "" "Bring the commit that was taken back again";
    SendReview "send-review" DIFF ["s"] "send back" "Send rejections and comments back to the agent";
    AcceptFile "accept-file" DIFF ["A"] "" "Accept every hunk of the file";
    RejectFile "reject-file" DIFF ["R"] "" "Reject every hunk of the file";
    AcceptAll "accept-all" DIFF ["Alt-a"] "" "Accept every hunk that is not decided";
    RejectAll "reject-all" DIFF ["Alt-r"] "" "Reject every hunk that is not decided";
    OpenAgain "open-again" DIFF ["Backspace"] "" "Take the verdict back; join the parts of a hunk again";
    SplitHunk "split-hunk" DIFF ["S"] "" "Split the hunk at unchanged lines, or at the cursor";
    NextOpen "next-open" DIFF ["o"] "next open" "Go to the next hunk without a verdict";
    PreviousOpen "previous-open" DIFF ["O"] "" "Go to the hunk without a verdict before this one";
    NextRemark "next-comment" DIFF ["m"] "" "Go to the next comment in the file";
    Since "since-review" DIFF ["i"] "" "Show what changed since the last review";
    Fold "fold" DIFF ["f"] "" "Fold the hunk away, or show it";
    FoldDecided "fold-decided" DIFF ["F"] "" "Fold every decided hunk, or show them";
    Commits "commits" DIFF ["U"] "" "List the commits of this session to undo or redo one";
    StageAccepted "stage" DIFF ["Alt-s"] "" "Stage what is accepted (in `tenon review`)";
    RevertRejected "revert" DIFF ["Alt-x"] "" "Take what is rejected out of the files (in `tenon review`)";
    WriteReview "write-review" DIFF ["Alt-w"] "" "Write the review down in markdown (in `tenon review`)";
    SelectRange "select-range" DIFF ["v"] "" "Begin or end selecting a range of lines";
    NextHunk "next-hunk" DIFF ["J" "]" "Shift-Down"] "" "Go to the next hunk";
    PreviousHunk "previous-hunk" DIFF ["K" "[" "Shift-Up"] "" "Go to the hunk before";
    NextFile "next-file" DIFF ["n"] "" "Go to the next file; in a search, to the next place";
    PreviousFile "previous-file" DIFF ["p"] "" "Go to the file before";
    ToggleSplit "toggle-split" DIFF ["t"] "" "Show old and new side by side, or in one column";
    ToggleIntraline "toggle-intraline" DIFF ["w"] "" "Mark what changed within a line, or not";
    ExpandContext "expand-context" DIFF ["x"] "" "Show more unchanged lines around the hunks";
    ScrollLeft "scroll-left" DIFF ["h" "Left"] "" "Scroll long lines to the left";
    ScrollRight "scroll-right" DIFF ["l" "Right"] "" "Scroll long lines to the right";
    ProveAgain "prove" DIFF ["P"] "" "Run the gates again";

    Down "down" LISTS ["j" "Down"] "" "Go a line down";
    Up "up" LISTS ["k" "Up"] "" "Go a line up";
    PageDown "page-down" LISTS ["PageDown" "Ctrl-d" "Ctrl-f"] "" "Go a page down";
    PageUp "page-up" LISTS ["PageUp" "Ctrl-u" "Ctrl-b"] "" "Go a page up";
    Top "top" LISTS ["g" "Home"] "" "Go to the beginning";
    Bottom "bottom" LISTS ["G" "End"] "" "Go to the end";
    Back "back" LISTS ["Esc"] "" "Drop the selection or the filter, then go to the chat";
    Leave "leave" LISTS ["q"] "" "Go to the chat; in a review without a chat, quit";
    ZoomHere "zoom" LISTS ["z"] "zoom" "Give the pane the whole screen, or take it back";
    Search "search" READING ["/"] "" "Search the diff, or filter the log";
    Copy "copy" READING ["y"] "copy" "Copy the hunk, the selected lines or the log lines on screen";

    SearchPrevious "search-previous" DIFF ["N"] "" "Go to the place before that the search finds";
    Amend "amend" DIALOG ["Alt-a"] "amend" "Amend the last commit of this session, or not";
    Fixup "fixup" DIALOG ["Alt-x"] "fixup" "Make it a fixup of the last commit, or not";
    NewBranch "new-branch" DIALOG ["Alt-n"] "branch" "Commit on a new branch, or not";
    Follow "follow" LOG ["f"] "follow" "Follow new lines";
    NextSource "next-source" LOG ["n"] "source" "Show the lines of one gate or command, the next one, or all";
    Jump "jump" LOG ["Enter"] "jump" "Go to the file and line named in the log line";
    OpenTask "open-task" TASKS ["Enter"] "open" "Bring the task to the screen";
    NewTask "new-task" TASKS ["n"] "new" "Hand a task to another agent";
    StopTask "stop-task" TASKS ["d"] "stop" "Stop what the task is doing";

    NextPane "next-pane" ANYWHERE ["Tab" "Ctrl-l"] "pane" "Go to the next pane";
    PreviousPane "previous-pane" ANYWHERE ["Shift-Tab" "Ctrl-h"] "" "Go to the pane before";
    Delegate "delegate" ANYWHERE ["Ctrl-t"] "" "Hand a task to another agent";
    Palette "palette" ANYWHERE ["Ctrl-p"] "palette" "Find any action by name";
    Help "help" ANYWHERE ["F1"] "" "Show the keys";
    Agents "agents" ANYWHERE ["F2"] "" "Choose the agent";
    Models "models" ANYWHERE ["F3"] "" "Choose the model";
    GoChat "go-chat" ANYWHERE ["Alt-1"] "" "Go to the chat";
    GoDiff "go-diff" ANYWHERE ["Alt-2"] "" "Go to the diff";
    GoLog "go-log" ANYWHERE ["Alt-3"] "" "Go to the log";
    GoTasks "go-tasks" ANYWHERE ["Alt-4"] "" "Go to the tasks";
    GoFirst "go-first" ANYWHERE ["Alt-0"] "" "Go back to the session the program was started on";
    Zoom "zoom-anywhere" ANYWHERE ["Alt-z" "F11"] "" "Give the pane the whole screen, or take it back";
    Mouse "mouse" ANYWHERE ["F12"] "" "Leave the mouse to the terminal, or take it back";
    Redraw "redraw" ANYWHERE ["F5"] "" "Draw the screen again";
    Suspend "suspend" ANYWHERE ["Ctrl-z"] "" "Leave the terminal to the shell; `fg` comes back";
    Quit "quit" ANYWHERE ["Ctrl-c"] "" "Interrupt or clear; twice quits";
    HelpHere "keys" ANYWHERE ["?"] "keys" "Show the keys (in the chat: when the message is empty)";
}
