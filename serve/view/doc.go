// Package view shows what an archive has as mailboxes with messages, for servers that only read. It
// knows no protocol.
//
//	user name ── Archives.Open ──► View          the mailboxes that a login sees     archives.go
//	                                 │             one night                         night.go
//	                                 │             several nights                    nights.go
//	                                 │             all messages of all nights        ever.go
//	                                 │             the names of its mailboxes        names.go
//	                                 └ Mailbox   numbers, special uses               mailbox.go
//	                                     └ Open ──► List
//	account ── Archives.History ──► History      the nights of an account, each with a View     history.go
//	Archives.States                              how the accounts are doing                     accounts.go
//	Archives.Usage                               how much space the repositories take           usage.go
//	List                     the messages of a mailbox: 32 bytes for each            list.go, load.go, cache.go
//	  └ labeled              those with a label of Gmail                             label.go
//	  └ Records              what else the archive has of them, read ahead
//	  └ Find                 those that have some words, by the index          words.go
//
// Everything is immutable. A session keeps its View, so a mailbox never changes while a client
// reads it, and a night that is archived meanwhile shows at the next login. Sessions share the List
// of a mailbox, and nights share it as long as the mailbox does not change.
package view
