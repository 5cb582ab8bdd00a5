package repo

// async calls do in a goroutine. The function that it returns waits for the result, and returns it each time.
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
