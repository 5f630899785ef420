# The program of every task: evidence from outside the agent. It writes to a ledger that no part of Holdfast knows of
# when it starts and how it ends, numbers its lines, and exits with a code that follows from its launch key.
#
#   witness.pl LEDGER LOCKS KIND LINES
#
# KIND: quick  prints LINES lines and ends        zero   likewise, with exit code 0
#       long   prints until SIGTERM comes         deaf   ignores SIGTERM
#       nap    ends by itself after 0.4 s         leaver ends like quick and leaves a child that never ends
use strict;
use Fcntl qw(:flock :DEFAULT);

my ($ledger, $locks, $kind, $lines) = @ARGV;
my $stopped = 0;
$SIG{TERM} = $kind eq 'deaf' ? 'IGNORE' : sub { $stopped = 1 };
my ($key) = $ENV{HOLDFAST_MARK} =~ /:(.*)/;
my $task = "$ENV{HOLDFAST_ALLOC_ID}/$ENV{HOLDFAST_TASK_NAME}";
# By name: the task of a group that takes over is the same one.
my $lock = "$ENV{HOLDFAST_GROUP_NAME}.$ENV{HOLDFAST_TASK_NAME}";
open my $stat, '<', '/proc/self/stat' or die;
my $born = (split ' ', (split /\) /, <$stat>)[-1])[19];
sysopen my $book, $ledger, O_WRONLY | O_APPEND | O_CREAT or die;
sub note { syswrite $book, join(' ', $_[0], $task, $key, $$, @_[1 .. $#_]) . "\n" }

# Held for as long as anything of this run lives, children too: whoever finds it taken has met an earlier run alive.
sysopen my $held, "$locks/$lock", O_RDWR | O_CREAT or die;
flock $held, LOCK_EX | LOCK_NB or note 'overlap', $born;
note 'start', $born;

my $printed = 0;
sub say_lines {
  my ($count) = @_;
  my $text = join '', map { sprintf "%s %07d %s\n", $key, $printed + $_, '.' x 60 } 1 .. $count;
  for (my $at = 0; $at < length $text;) {
    my $written = syswrite STDOUT, $text, length($text) - $at, $at;
    $at += $written if defined $written;
  }
  $printed += $count;
}

if ($kind eq 'leaver' and not fork) {
  require POSIX;
  POSIX::setsid();
  sleep 1 while 1;
}
if ($kind eq 'long' or $kind eq 'deaf') {
  until ($stopped) { say_lines 1; select undef, undef, undef, 0.05 }
} else {
  say_lines $lines;
  select undef, undef, undef, 0.4 if $kind eq 'nap';
}
my $code = $kind eq 'zero' ? 0 : 3 + unpack('%32C*', $key) % 100;
note 'end', $code, $printed;
exit $code;
