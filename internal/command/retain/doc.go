// Package retain has the commands that decide what a repository keeps.
//
//	forget.go ──► prune.go    marks manifests as forgotten; deletes what no manifest needs
//	 └ forget_undo.go         brings forgotten manifests back
//	tag.go                    pin, unpin and tag: what a policy keeps
//	erase.go                  takes an account or a message out of all manifests
//	rename_account.go         writes all manifests of an account under another name
package retain
