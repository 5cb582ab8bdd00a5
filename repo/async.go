package repo

// async does something in a goroutine. What it returns waits for that, and gives what came of it as often as it is asked.
func async[T any](do func() (T, error)) (result func() (T, error)) {
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
