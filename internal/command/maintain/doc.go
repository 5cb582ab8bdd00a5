// Package maintain has the commands that keep a repository whole: doctor, check, repair and copy.
//
//	doctor.go   what could fail tonight
//	check.go    what is damaged
//	repair.go   the index, the packs and the manifests without what is damaged
//	copy.go     another repository
package maintain
