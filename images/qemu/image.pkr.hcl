# A disk for a hypervisor of one's own: a bare Debian with a service and its good releases on it, as a bootable qcow2.
# Run by playbooks/disk_image.yml; by hand: packer build -var-file=... images/qemu

source "qemu" "image" {
  iso_url          = var.base
  iso_checksum     = var.base_checksum
  disk_image       = true
  skip_resize_disk = true
  format           = "qcow2"
  disk_compression = true
  output_directory = var.output
  vm_name          = var.name

  accelerator    = var.accelerator
  cpus           = var.cpus
  memory         = var.memory_mib
  headless       = true
  net_device     = "virtio-net"
  disk_interface = "virtio"
  disk_discard   = "unmap"
  # No key is pressed, so there is nothing to wait for before SSH is tried.
  boot_wait = "-1s"
  qemuargs = [
    ["-bios", var.firmware],
    ["-smbios", "type=11,value=io.systemd.credential.binary:ssh.authorized_keys.root=${var.public_key}"],
  ]

  communicator         = "ssh"
  ssh_username         = "root"
  ssh_private_key_file = var.private_key_file
  ssh_timeout          = var.ssh_timeout
  shutdown_command     = "systemctl poweroff"
}

build {
  sources = ["source.qemu.image"]

  provisioner "ansible" {
    command            = var.ansible_playbook
    skip_version_check = true
    playbook_file      = "${path.root}/../${var.play}"
    user               = "root"
    use_proxy          = false
    groups             = var.groups
    host_alias         = var.host
    # It is on this machine, and its key was made a moment ago.
    extra_arguments = concat(
      ["--ssh-common-args", "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o ControlPath=~/.ansible/cp/${build.ID}"],
      var.ansible_arguments,
    )
  }

  provisioner "shell" {
    script = "${path.root}/../clean"
    # It takes itself away, with all that is below /tmp.
    skip_clean = true
  }

  # What is free is none of the image.
  provisioner "shell" {
    inline = ["fstrim --all"]
  }
}
