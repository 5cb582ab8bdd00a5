// Package floods tests that no server can make the client hold more than a limited amount of
// memory, or read without end. It is a package of its own because the race detector would take a
// minute for what these servers send.
package floods
