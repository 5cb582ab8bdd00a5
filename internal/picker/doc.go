// Package picker is a program for a terminal, without the terminal: lists with lists in them, rows
// to mark, texts to read.
//
//	keys ──► Model.Press ──► Tasks, which load rows ──► Effects on the Model    model.go, level.go
//	           └ the line for a search or a target                             prompt.go
//	Model ──► View: the lines of the screen                                     view.go, text.go
//
// A Model does nothing by itself: the caller runs its tasks, each in a goroutine, and applies their
// effects one at a time. Package picker/terminal does so with a terminal, and tests without one.
// Rows are loaded when they are shown, and those far away are forgotten, so a list can have a
// million.
//
// What rows and texts hold is from mail. The view shows it by cells, and nothing in it does
// anything to the terminal.
package picker
