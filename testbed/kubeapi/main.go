// Kubeapi checks manifests for Kubernetes as its API server does: it decodes the documents of each
// file strictly, fills in the defaults, and calls the validation of their kinds. It knows the kinds
// in contrib/kubernetes. It asks no server.
//
//	kubeapi FILE…
package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/kubernetes/pkg/apis/batch"
	batchv1 "k8s.io/kubernetes/pkg/apis/batch/v1"
	batchvalidation "k8s.io/kubernetes/pkg/apis/batch/validation"
	"k8s.io/kubernetes/pkg/apis/core"
	corev1 "k8s.io/kubernetes/pkg/apis/core/v1"
	corevalidation "k8s.io/kubernetes/pkg/apis/core/validation"
)

func main() {
	decode, err := decoder()
	for _, name := range os.Args[1:] {
		if err == nil {
			err = checkFile(decode, name)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "kubeapi:", err)
		os.Exit(1)
	}
}

// decoder returns a decoder that refuses unknown and repeated fields, and fills in the defaults.
func decoder() (runtime.Decoder, error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{batch.AddToScheme, batchv1.AddToScheme, core.AddToScheme, corev1.AddToScheme} {
		if err := add(scheme); err != nil {
			return nil, err
		}
	}
	codecs := serializer.NewCodecFactory(scheme, serializer.EnableStrict)
	return codecs.UniversalDecoder(batch.SchemeGroupVersion, core.SchemeGroupVersion), nil
}

// checkFile checks each document of a file.
func checkFile(decode runtime.Decoder, name string) error {
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	documents := yaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(text)))
	for n := 1; ; n++ {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = check(decode, document)
		}
		if err != nil {
			return fmt.Errorf("%s: document %d: %w", name, n, err)
		}
	}
}

// check checks a document as a request to create it in the namespace default.
func check(decode runtime.Decoder, document []byte) error {
	object, kind, err := decode.Decode(document, nil, nil)
	if err != nil {
		return err
	}
	var problems field.ErrorList
	switch o := object.(type) {
	case *batch.CronJob:
		o.Namespace = "default"
		problems = batchvalidation.ValidateCronJobCreate(o, corevalidation.PodValidationOptions{})
	case *batch.Job:
		o.Namespace = "default"
		problems = batchvalidation.ValidateJob(o, batchvalidation.JobValidationOptions{})
	case *core.PersistentVolumeClaim:
		o.Namespace = "default"
		problems = corevalidation.ValidatePersistentVolumeClaim(o,
			corevalidation.PersistentVolumeClaimSpecValidationOptions{})
	case *core.ConfigMap:
		o.Namespace = "default"
		problems = corevalidation.ValidateConfigMap(o)
	default:
		return fmt.Errorf("%s is not a kind that is checked", kind)
	}
	return problems.ToAggregate()
}
