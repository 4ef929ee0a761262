# An AMI of a Linux host: a base AMI with a service and its good releases on it.
# Run by golden.fleet.bakery; by hand: packer build -var-file=... images/amazon-ebs

source "amazon-ebs" "image" {
  region     = var.region
  source_ami = var.base

  ami_name        = var.name
  ami_description = var.description
  tags            = var.tags
  snapshot_tags   = var.tags
  run_tags        = var.run_tags
  run_volume_tags = var.run_tags

  instance_type        = var.instance_type
  subnet_id            = var.subnet
  security_group_ids   = var.security_groups
  iam_instance_profile = var.instance_profile
  # Shut down from inside, it is gone too, whatever became of Packer.
  shutdown_behavior = "terminate"

  # Encrypted from the start: the snapshots, and thus the AMI, are then so without being copied.
  launch_block_device_mappings {
    device_name = var.root_device
    volume_size = var.volume_gib
    # The least of gp3, which Packer 1.6.6 wants to be told.
    volume_type           = "gp3"
    iops                  = 3000
    throughput            = 125
    encrypted             = true
    kms_key_id            = var.kms_key
    delete_on_termination = true
  }

  ssh_username         = var.user
  ssh_keypair_name     = var.key_pair
  ssh_private_key_file = var.private_key_file
  ssh_interface        = var.ssh_interface
  ssh_host             = var.ssh_host
  ssh_timeout          = "10m"

  custom_endpoint_ec2     = var.endpoint
  skip_region_validation  = var.stand_in
  skip_metadata_api_check = var.stand_in
}

build {
  sources = ["source.amazon-ebs.image"]

  provisioner "ansible" {
    command            = var.ansible_playbook
    skip_version_check = true
    playbook_file      = "${path.root}/../${var.play}"
    user               = var.user
    use_proxy          = false
    groups             = var.groups
    host_alias         = var.host
    # A connection is shared by what asks this instance, and not by what asks another one that had its address before.
    extra_arguments = concat(["--extra-vars", "ansible_control_path=~/.ansible/cp/${build.ID}"], var.ansible_arguments)
  }

  # What of it has to do with AWS alone.
  provisioner "ansible" {
    command            = var.ansible_playbook
    skip_version_check = true
    playbook_file      = "${path.root}/launched.yml"
    user               = var.user
    use_proxy          = false
    groups             = var.groups
    host_alias         = var.host
    extra_arguments    = concat(["--extra-vars", "ansible_control_path=~/.ansible/cp/${build.ID}"], var.ansible_arguments)
  }

  provisioner "shell" {
    script          = "${path.root}/../clean"
    execute_command = "chmod +x {{ .Path }} && sudo {{ .Path }}"
  }
}
