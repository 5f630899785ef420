# Writes down every signal that reaches it, and lives on: `canary.pl FILE`.
use strict;
use warnings;
use Config;
my ($file) = @ARGV;
for my $name (split ' ', $Config{sig_name}) {
  next if $name =~ /^(ZERO|KILL|STOP|CHLD|CLD|NUM\d+|RT\w+|SEGV|BUS|ILL|FPE|TRAP)$/;
  $SIG{$name} = sub { open my $out, '>>', $file; print $out "$name\n"; };
}
open my $out, '>>', $file;
close $out;
sleep 1 while 1;
