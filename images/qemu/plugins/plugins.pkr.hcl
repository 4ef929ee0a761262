# What `packer init images/qemu/plugins` installs for a Packer of today. In a folder of its own, as Packer 1.6.6,
# which has these inside, doesn't know the block.
packer {
  required_plugins {
    ansible = {
      source  = "github.com/hashicorp/ansible"
      version = "~> 1.1"
    }
    qemu = {
      source  = "github.com/hashicorp/qemu"
      version = "~> 1.1"
    }
  }
}
