package config

// Watch is the monitoring of the runs of a command.
type Watch struct {
	Ping      Secret // the URL of a monitor, which is a secret
	Metrics   string // a file for Prometheus
	OnFailure string // a command
}

// watched are the commands that can be monitored.
var watched = []string{"backup", "check", "copy", "forget", "prune", "run", "status"}

func (t *table) watches() map[string]Watch {
	watches := make(map[string]Watch)
	writer := make(map[string]string)
	for _, command := range watched {
		of := t.table(command)
		if of == nil {
			continue
		}
		w := of.watch()
		if other, taken := writer[w.Metrics]; taken && w.Metrics != "" {
			of.wrong("metrics", "is also the file of %s; each command needs its own file", other)
		}
		writer[w.Metrics] = command
		watches[command] = w
	}
	t.end()
	return watches
}

func (t *table) watch() Watch {
	w := Watch{Ping: t.secret("ping"), Metrics: t.file("metrics"), OnFailure: t.text("on_failure")}
	t.end()
	return w
}
