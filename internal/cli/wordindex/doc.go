// Package wordindex opens the index of words that this host has, for the commands that search by it
// or bring it up to date.
//
// It shows the progress, and drops and builds again an index that is damaged.
package wordindex
