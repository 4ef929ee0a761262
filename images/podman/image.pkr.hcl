# A host of the lab as an image: the base that its hosts are made from, with a service and its good releases on it.
# Run by golden.fleet.bakery; by hand: packer build -var-file=... images/podman

source "docker" "image" {
  image  = var.base
  pull   = false
  commit = true
  # systemd is the first process, as on a host: what roles ask of it is done, and not put off to the first boot.
  run_command = concat(["--detach", "--systemd=always"], var.run_options, ["{{ .Image }}"])
  # Below /run, a filesystem of its own, so that it leaves no folder in the image.
  container_dir = "/run/packer-files"
  changes       = concat(["CMD [\"/sbin/init\"]"], var.changes)
}

build {
  sources = ["source.docker.image"]

  provisioner "ansible" {
    command            = var.ansible_playbook
    skip_version_check = true
    playbook_file      = "${path.root}/../${var.play}"
    user               = "root"
    groups             = var.groups
    host_alias         = var.host
    extra_arguments = concat(
      ["--extra-vars", "ansible_host=${build.ID} ansible_connection=golden.fleet.podman_init"],
      var.ansible_arguments,
    )
  }

  provisioner "shell" {
    script = "${path.root}/../clean"
    # It takes itself away, with all that is below /tmp.
    skip_clean = true
  }

  post-processor "docker-tag" {
    repository = var.repository
    tag        = [var.tag]
  }
}
