// Package lint has no code: its tests check the tree itself.
//
//   - layers_test.go: which package imports which, against a table;
//   - words_test.go: words that this project does not use, in comments, messages, help and documents;
//   - sequential_test.go: that packages that are tested without the race detector start no goroutine;
//   - lines_test.go: the width of lines in documents, and that each package has a comment;
//   - imports_test.go: that imports are in groups: the standard library, other modules, this one;
//   - closed_test.go: that tests close the repositories that have a temporary cache;
//   - names_test.go: that the paths and names in documents exist, and that types differ in their names;
//   - comments_test.go: that the identifiers and files in comments exist.
//
// CONTRIBUTING.md has the rules. "make check" runs these tests.
package lint
