"from the controller"
