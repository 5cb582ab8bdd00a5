// Package look has the commands that show what an archive has, and change nothing.
//
//	accounts    status.go, stats.go
//	manifests   list.go, show.go; diff.go and diff_json.go compare two
//	mailboxes   ls.go
//	messages    message.go finds the one that is named; show_message.go, cat.go
package look
