# An AMI of a Windows Server: a base AMI with a service and its good releases on it, generalised by sysprep.
# By hand: packer build -var-file=... images/amazon-ebs-windows. What of it has been tried: ../README.md

locals {
  user_data = "<powershell>\n${file("${abspath(path.root)}/open_winrm.ps1")}</powershell>\n"

  # Over what Packer itself tells Ansible, which would sign in with Basic, and over the inventory's group `windows`. The
  # certificate was made a minute ago by the instance: there is nobody yet who could vouch for it.
  ansible_variables = {
    ansible_connection                   = "winrm"
    ansible_shell_type                   = "powershell"
    ansible_port                         = 5986
    ansible_winrm_scheme                 = "https"
    ansible_winrm_transport              = "ntlm"
    ansible_winrm_server_cert_validation = "ignore"
    ansible_become                       = false
  }
}

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
  # Sysprep shuts it down from inside, and there is an image of it then: it must not be gone.
  shutdown_behavior     = "stop"
  disable_stop_instance = true

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

  user_data = local.user_data

  # Administrator's password is EC2's own, which only this key pair can read: an RSA one, Packer's own where none is named.
  communicator         = "winrm"
  winrm_username       = var.user
  winrm_port           = 5986
  winrm_use_ssl        = true
  winrm_insecure       = true
  winrm_use_ntlm       = true
  winrm_timeout        = "30m"
  ssh_keypair_name     = var.key_pair
  ssh_private_key_file = var.private_key_file
  ssh_interface        = var.interface

  custom_endpoint_ec2     = var.endpoint
  skip_region_validation  = var.stand_in
  skip_metadata_api_check = var.stand_in

  aws_polling {
    delay_seconds = 15
    max_attempts  = 240
  }
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
    extra_arguments    = concat(var.ansible_arguments, ["--extra-vars", jsonencode(local.ansible_variables)])
  }

  provisioner "file" {
    source      = "${path.root}/seal.ps1"
    destination = "C:/Windows/Temp/seal.ps1"
  }

  provisioner "powershell" {
    script = "${path.root}/schedule_seal.ps1"
  }
}
