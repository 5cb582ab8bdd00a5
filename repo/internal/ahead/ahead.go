// Package ahead begins work before its result is needed: a function (ahead.go), or listings of a
// store (list.go).
package ahead

// Do calls do in a goroutine. The function that it returns waits for the result, and returns it
// each time.
//
// It does what sync.OnceValues does in a goroutine, but waits for a channel and not for a mutex, so
// that tests of package testing/synctest see that it waits.
func Do[T any](do func() (T, error)) (result func() (T, error)) {
	done := make(chan struct{})
	var value T
	var err error
	go func() {
		defer close(done)
		value, err = do()
	}()
	return func() (T, error) {
		<-done
		return value, err
	}
}
