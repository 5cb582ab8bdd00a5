// Bench measures mailstrata beside the alternative: mbsync into a Maildir, restic from there into a
// bucket, and notmuch to search in it. It starts a Dovecot and a MinIO, loads mail, and prints one
// table for each set of mail. It needs root, because of Dovecot, and runs in any directory of the
// repository:
//
//	make bench                                      # installs what is missing, and measures generated mail
//	go run ./bench --maildir ~/Maildir --rounds 5   # mail of your own
//	go run ./bench --latency 50ms --tls             # with the servers a round trip of 50 ms away
//	go run ./bench --latency 50ms --only mailstrata --rounds 1   # requests, and chains of them, of each command
//	go run ./bench --nights 300 --latency 50ms      # an archive of 300 nights
//	go run ./bench --large 40                       # 40 messages of 20 MB
//	go run ./bench --messages 1000000               # memory at scale, mailstrata alone
//	go run ./bench --accounts 1000 --nights 30      # many small accounts, mailstrata alone, on two hosts at once
//
// Each round measures both programs, one right after the other, in alternating order, so that other
// load on the machine affects both. The figures are medians; a ratio is the median of the ratios of
// the rounds.
//
// A set of mail (mail.go, generated.go) is loaded into an account on the servers (servers.go). A
// host (measure.go) of mailstrata (ours.go), of the peers (peers.go) or of what bounds both
// (limits.go, raw.go) reaches them some way (way.go): directly, or through a process that delays
// and records what passes (carrier.go, farline, exchange). A measurement is a table of steps
// (steps.go), each with a run for every program: the rounds over a set (round.go), the account of
// many short messages (scale.go), the archive of many nights (nights.go, archive.go, prunes.go).
// What the runs took (results.go) becomes tables and charts (table.go, chart.go) and a part of
// docs/performance.md (document.go). The fleet of many small accounts has files of its own
// (fleet*.go).
package main
