package main

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/mailstrata/mailstrata/internal/config"
	"github.com/mailstrata/mailstrata/internal/testbed"
)

// kubernetesFiles returns the paths of the manifests for Kubernetes.
func kubernetesFiles(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "..", "contrib", "kubernetes", "*.yaml"))
	if err != nil || len(files) < 3 {
		t.Fatalf("manifests for Kubernetes: %v: %v", files, err)
	}
	return files
}

// An API server accepts the manifests. It would refuse them with a field that it does not know,
// with a value that a field cannot have, or with fields that do not go together.
func TestKubernetesAccepts(t *testing.T) {
	kubeapi := testbed.Kubeapi(t)
	for _, file := range kubernetesFiles(t) {
		if out, err := exec.Command(kubeapi, file).CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	}
	text := contrib(t, "contrib/kubernetes/shards.yaml")
	for _, wrong := range []struct{ old, new, refusal string }{
		{"backoffLimitPerIndex", "backoffLimitPerIndices", "unknown field"},
		{"completionMode: Indexed", "completionMode: NonIndexed", "backoffLimitPerIndex"},
		{"restartPolicy: Never", "restartPolicy: OnFailure", "podFailurePolicy"},
		{"operator: In", "operator: OneOf", "operator"},
		{"storage: 100Mi", "storage: 100 MB", "quantities"},
	} {
		path := filepath.Join(t.TempDir(), "wrong.yaml")
		if err := os.WriteFile(path, []byte(strings.Replace(text, wrong.old, wrong.new, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command(kubeapi, path).CombinedOutput(); err == nil || !strings.Contains(string(out), wrong.refusal) {
			t.Errorf("%s is accepted: %v: %s", wrong.new, err, out)
		}
	}
}

// kubernetesObject is what the tests below read of a manifest for Kubernetes.
type kubernetesObject struct {
	Kind string
	Data map[string]string // of a ConfigMap
	Spec struct {
		JobTemplate struct {
			Spec struct {
				Completions, Parallelism int
				Template                 struct{ Spec pod }
			}
		} `yaml:"jobTemplate"`
	}
}

type pod struct {
	Containers []struct {
		Args         []string
		Env          []struct{ Name, Value string }
		VolumeMounts []mount `yaml:"volumeMounts"`
	}
	Volumes []struct{ Name string }
}

type mount struct {
	Name, MountPath string
	SubPathExpr     string `yaml:"subPathExpr"`
}

// kubernetesObjects parses the documents of a file.
func kubernetesObjects(t *testing.T, file string) (objects []kubernetesObject) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for d := yaml.NewDecoder(f); ; {
		var o kubernetesObject
		switch err := d.Decode(&o); {
		case errors.Is(err, io.EOF):
			return objects
		case err != nil:
			t.Fatalf("%s: %v", file, err)
		}
		objects = append(objects, o)
	}
}

// The command lines of the jobs are valid, also with the index that Kubernetes puts into them, each
// of their mounts has a volume, and the configuration is valid.
func TestKubernetesJobs(t *testing.T) {
	for _, file := range kubernetesFiles(t) {
		jobs := 0
		for _, o := range kubernetesObjects(t, file) {
			checkConfigMap(t, o.Data)
			for _, c := range o.Spec.JobTemplate.Spec.Template.Spec.Containers {
				jobs++
				parses(t, strings.Split(strings.ReplaceAll(strings.Join(c.Args, "\n"), "$(JOB_COMPLETION_INDEX)", "0"), "\n"))
				for _, m := range c.VolumeMounts {
					if !slices.ContainsFunc(o.Spec.JobTemplate.Spec.Template.Spec.Volumes, func(v struct{ Name string }) bool { return v.Name == m.Name }) {
						t.Errorf("%s: there is no volume %s", file, m.Name)
					}
				}
			}
		}
		if jobs == 0 {
			t.Errorf("%s has no job", file)
		}
	}
}

func checkConfigMap(t *testing.T, data map[string]string) {
	t.Helper()
	if data == nil {
		return
	}
	dir := t.TempDir()
	for name, text := range data {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c, err := config.Parse(filepath.Join(dir, "config.toml"), dir, []byte(data["config.toml"]), nil)
	if err != nil || len(c.Accounts) != strings.Count(data["users.txt"], "\n") {
		t.Errorf("the configuration has %+v: %v", c, err)
	}
}

// The pods of the job with shards read each account once, and none writes where another one does.
func TestKubernetesShards(t *testing.T) {
	for _, o := range kubernetesObjects(t, filepath.Join("..", "..", "contrib", "kubernetes", "shards.yaml")) {
		spec := o.Spec.JobTemplate.Spec
		if spec.Completions == 0 {
			continue
		}
		var shards []config.Shard
		args := spec.Template.Spec.Containers[0].Args
		for i := range spec.Completions {
			text := strings.ReplaceAll(args[slices.Index(args, "--shard")+1], "$(JOB_COMPLETION_INDEX)", string(rune('0'+i)))
			s, err := config.ParseShard(text)
			if err != nil {
				t.Fatal(err)
			}
			shards = append(shards, s)
		}
		for i, s := range shards {
			if s.N != i+1 || s.Of != spec.Completions || spec.Parallelism != spec.Completions {
				t.Errorf("pod %d of %d has the share %v", i, spec.Completions, s)
			}
		}
		for _, m := range spec.Template.Spec.Containers[0].VolumeMounts {
			if m.Name == "state" && !strings.Contains(m.SubPathExpr, "$(JOB_COMPLETION_INDEX)") {
				t.Error("the pods have one directory for their state")
			}
		}
		return
	}
	t.Error("there is no job with shards")
}
