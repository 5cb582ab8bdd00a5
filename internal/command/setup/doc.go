// Package setup has the commands setup, which asks what it needs to archive a mail account every
// night and sets that up, and account, which adds, lists, removes and renames accounts in the
// configuration.
//
//	setup.go ──► the questions, in order             what each answer becomes
//	              │ mail.go, login.go, consent.go     account: its server and how to log in, tested
//	              │ place.go                          place: where the archive is, tested
//	              │ key.go                            opening: a key file or a passphrase
//	              │ nights.go                         nights: how often, and what to keep
//	              └► make.go                          the repository, the secrets, the configuration
//	                  └► finish.go                    the timer, the sheet, the first backup
//	                      └ rest.go                    what of these is left for the next setup
//
// dialog.go asks on the terminal. Until the last question is answered, the answers are in memory
// only, but for the directory or bucket that was tested. Then the repository comes first and the
// configuration last, under its name by a rename: an interrupted setup leaves nothing that the next
// one does not find and use, and after the configuration nothing that the next one does not offer
// to finish.
package setup
