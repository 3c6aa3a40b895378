// Command kube is a Kubernetes control plane and its client in one binary, for tests on loopback.
//
// The program that runs is named by the name that the binary is called by (a symbolic link), else by
// the first argument: etcd, kube-apiserver, kube-controller-manager or kubectl. All take their own
// flags, but etcd, whose arguments are a directory, a port for clients and one for peers.
package main

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	"go.etcd.io/etcd/server/v3/embed"
	"k8s.io/component-base/cli"
	kubectl "k8s.io/kubectl/pkg/cmd"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllers "k8s.io/kubernetes/cmd/kube-controller-manager/app"
)

var programs = map[string]func() int{
	"etcd":                    etcd,
	"kube-apiserver":          func() int { return cli.Run(apiserver.NewAPIServerCommand()) },
	"kube-controller-manager": func() int { return cli.Run(controllers.NewControllerManagerCommand()) },
	"kubectl":                 func() int { return cli.Run(kubectl.NewDefaultKubectlCommand()) },
}

func main() {
	run, found := programs[filepath.Base(os.Args[0])]
	if !found && len(os.Args) > 1 {
		os.Args = os.Args[1:]
		run, found = programs[os.Args[0]]
	}
	if !found {
		fmt.Fprintln(os.Stderr, "kube: expected etcd, kube-apiserver, kube-controller-manager or kubectl")
		os.Exit(2)
	}
	os.Exit(run())
}

// etcd serves until it is killed. It does not wait for the disk: what it holds dies with the test.
func etcd() int {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "kube etcd: expected DIRECTORY CLIENT_PORT PEER_PORT")
		return 2
	}
	config := embed.NewConfig()
	config.Dir = os.Args[1]
	config.LogLevel = "warn"
	config.UnsafeNoFsync = true
	clients, peers := loopback(os.Args[2]), loopback(os.Args[3])
	config.ListenClientUrls, config.AdvertiseClientUrls = clients, clients
	config.ListenPeerUrls, config.AdvertisePeerUrls = peers, peers
	config.InitialCluster = config.InitialClusterFromName(config.Name)
	server, err := embed.StartEtcd(config)
	if err == nil {
		err = <-server.Err()
	}
	fmt.Fprintln(os.Stderr, "kube etcd:", err)
	return 1
}

func loopback(port string) []url.URL {
	return []url.URL{{Scheme: "http", Host: "127.0.0.1:" + port}}
}
