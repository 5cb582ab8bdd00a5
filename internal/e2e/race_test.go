//go:build race

package e2e_test

// raceDetector: the program is built with it too.
const raceDetector = true
